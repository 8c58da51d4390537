"""llama.cpp's tokenizer, through the C interface of the library inside the wheel xllamacpp."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from pathlib import Path
from typing import Any

import vocab_gguf

from quantcli.tokenizer import TokenizerExport


class RuntimeRefusedError(Exception):
    """llama.cpp does not load the file; the text is what it says."""


class _Parameters(ctypes.Structure):
    """A parameter structure of any length up to 512 bytes: it is passed by value, as memory."""

    _fields_ = (("bytes", ctypes.c_ubyte * 512),)


class Runtime:
    """The vocabulary of a GGUF file in llama.cpp.

    Args:
        path: a model of any size.

    Attributes:
        said: what llama.cpp said of it, one entry a line that warns.

    Raises:
        RuntimeRefusedError: llama.cpp does not load the file.
    """

    def __init__(self, path: Path) -> None:
        self._library, lines = _library()
        lines.clear()
        self._model = self._library.llama_model_load_from_file(
            str(path).encode(), self._library.llama_model_default_params()
        )
        self.said = [text for level, text in lines if level >= _WARNS]
        if not self._model:
            raise RuntimeRefusedError("".join(self.said))
        self._vocab = self._library.llama_model_get_vocab(self._model)

    def close(self) -> None:
        """Free the model."""
        self._library.llama_model_free(self._model)
        self._model = None

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids of `text`, special tokens in the text recognised; `special`: and added."""
        data = text.encode()
        room = 2 * len(data) + 8
        ids = (ctypes.c_int32 * room)()
        count = self._library.llama_tokenize(self._vocab, data, len(data), ids, room, special, True)
        assert count >= 0, f"more than {room} tokens"
        return ids[:count]

    def text(self, ids: list[int]) -> str:
        """The text of `ids`, as llama.cpp puts it together."""
        room = 1024
        buffer = ctypes.create_string_buffer(room)
        numbers = (ctypes.c_int32 * len(ids))(*ids)
        count = self._library.llama_detokenize(
            self._vocab, numbers, len(ids), buffer, room, False, True
        )
        assert count >= 0, "the text is longer than the room for it"
        return buffer.raw[:count].decode(errors="replace")

    def special(self, kind: str) -> int:
        """Id of a special token ("bos", "eot", "fim_pre", …), -1 for none."""
        found: int = getattr(self._library, f"llama_vocab_{kind}")(self._vocab)
        return found

    def adds(self, kind: str) -> bool:
        """Return whether the token "bos", "eos" or "sep" is added to a text."""
        return bool(getattr(self._library, f"llama_vocab_get_add_{kind}")(self._vocab))

    def ends(self, token: int) -> bool:
        """Return whether a generation ends at the token."""
        return bool(self._library.llama_vocab_is_eog(self._vocab, token))


_KINDS = (
    *("bos", "eos", "eot", "sep", "pad", "mask"),
    *("fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep"),
)
_WARNS = 3
"""GGML_LOG_LEVEL_WARN; errors are above."""


@functools.cache
def _library() -> tuple[Any, list[tuple[int, str]]]:
    spec = importlib.util.find_spec("xllamacpp")
    assert spec is not None
    assert spec.submodule_search_locations
    (path,) = Path(spec.submodule_search_locations[0]).glob("xllamacpp*.so")
    library = ctypes.CDLL(str(path))
    pointer, number, flag = ctypes.c_void_p, ctypes.c_int32, ctypes.c_bool
    ids = ctypes.POINTER(number)
    for name, result, arguments in (
        ("llama_model_default_params", _Parameters, ()),
        ("llama_model_load_from_file", pointer, (ctypes.c_char_p, _Parameters)),
        ("llama_model_free", None, (pointer,)),
        ("llama_model_get_vocab", pointer, (pointer,)),
        ("llama_tokenize", number, (pointer, ctypes.c_char_p, number, ids, number, flag, flag)),
        (
            "llama_detokenize",
            number,
            (pointer, ids, number, ctypes.c_char_p, number, flag, flag),
        ),
        ("llama_vocab_is_eog", flag, (pointer, number)),
        *((f"llama_vocab_get_add_{kind}", flag, (pointer,)) for kind in ("bos", "eos", "sep")),
        *((f"llama_vocab_{kind}", number, (pointer,)) for kind in _KINDS),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    lines: list[tuple[int, str]] = []
    logger = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, pointer)
    keep = logger(lambda level, text, _: lines.append((level, text.decode(errors="replace"))))
    library.llama_log_set(keep, None)
    library.keep = keep  # the library calls it as long as it is loaded
    return library, lines


def load(export: TokenizerExport, folder: Path) -> Runtime:
    """llama.cpp with an exported tokenizer, in the smallest model that it loads."""
    path = folder / "vocab.gguf"
    vocab_gguf.write(export, path)
    runtime = Runtime(path)
    path.unlink()
    return runtime
