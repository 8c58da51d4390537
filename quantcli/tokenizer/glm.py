"""The tokenizer of GLM, whose special tokens no file names."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.tokenizer.auto import Exporter, auto_keys
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.special_tokens import KEYS
from quantcli.tokenizer.vocabulary import Key

_END, _USER = "<|endoftext|>", "<|user|>"
GLM = {"bos": "[gMASK]", "unk": _END, "eot": _USER, "eom": "<|observation|>"}
"""GLM-4.5 and later: a turn ends where the user's or a tool's begins."""
GLM4 = {"bos": _END, "eos": _END, "unk": _END, "eot": _USER}
"""GLM-4, ChatGLM and GLM-Edge."""
_PREFIX = "tokenizer.ggml."


def named(tokens: Mapping[str, str]) -> Exporter:
    """Return the exporter of the folder's tokenizer that names `tokens` where no file does.

    llama.cpp's converter has these names. A text that is not in the vocabulary is left out.

    Args:
        tokens: text by kind of special token ("bos", …).
    """

    def keys(
        files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
    ) -> list[Key]:
        found = auto_keys(files, rows, config, pre)
        values = {key: value for key, _, value in found}
        texts = values[f"{_PREFIX}tokens"]
        assert isinstance(texts, tuple)  # by the type of the key's value
        # Special tokens' ids follow one another; the new ones go behind them.
        at = 1 + max(
            (i for i, (key, *_) in enumerate(found) if key.endswith("_token_id")),
            default=len(found) - 1,
        )
        for kind, text in tokens.items():
            key = f"{_PREFIX}{KEYS[kind]}"
            if key not in values and text in texts:
                found.insert(at, (key, "uint32", texts.index(text)))
                at += 1
        return found

    return keys
