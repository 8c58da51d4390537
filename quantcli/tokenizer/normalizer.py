"""Normalizer options that llama.cpp reads."""

from __future__ import annotations

from quantcli.tokenizer.files import Files, steps
from quantcli.tokenizer.vocabulary import Key


def normalizer_keys(files: Files) -> list[Key]:
    """Return the keys for lower-casing and accent stripping, when tokenizer.json decides them."""
    found: dict[str, object] = {}
    for step in steps((files.tokenizer or {}).get("normalizer"), "normalizers"):
        kind = step.get("type")
        if kind == "Lowercase":
            found["lowercase"] = True
        elif kind == "StripAccents":
            found["strip_accents"] = True
        elif kind == "BertNormalizer":
            found.update((k, step[k]) for k in ("lowercase", "strip_accents") if k in step)
    return [
        (f"tokenizer.ggml.normalizer.{name}", "bool", found[name])
        for name in ("lowercase", "strip_accents")
        if isinstance(found.get(name), bool)
    ]
