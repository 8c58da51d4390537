"""Normalizer options that llama.cpp reads, and notes on those that it has not."""

from __future__ import annotations

from quantcli.tokenizer.classes import TokenizerClass
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.vocabulary import Key

_LOWER, _STRIP, _CHINESE = "lowercase", "strip_accents", "handle_chinese_chars"


def normalizer_keys(files: Files, cls: TokenizerClass) -> list[Key]:
    """Return the keys for lower-casing and accent stripping.

    BERT's classes set their normalizer up from tokenizer_config.json, whatever tokenizer.json says;
    for any other class tokenizer.json decides.

    Raises:
        TokenizerError: a switch of tokenizer_config.json is neither true nor false.
    """
    found = _of_file(files)
    if cls.bert:
        said = {
            _LOWER: files.setting("do_lower_case") is not False,
            _STRIP: files.setting("strip_accents"),
            _CHINESE: files.setting("tokenize_chinese_chars") is not False,
        }
        for name, value in said.items():
            if files.tokenizer is not None and found.get(name) != value:
                files.note(
                    "the tokenizer's class and tokenizer_config.json decide on the normalizer, not "
                    f"{TOKENIZER}",
                    f"{name} {value}",
                )
        found = {**found, **said}
    if found.get(_CHINESE) is False:
        files.note("llama.cpp splits off Chinese characters, which this tokenizer does not")
    return [
        (f"tokenizer.ggml.normalizer.{name}", "bool", found[name])
        for name in (_LOWER, _STRIP)
        if isinstance(found.get(name), bool)
    ]


def _of_file(files: Files) -> dict[str, object]:
    found: dict[str, object] = {}
    for step in steps((files.tokenizer or {}).get("normalizer"), "normalizers"):
        kind = step.get("type")
        if kind == "Lowercase":
            found[_LOWER] = True
        elif kind == "StripAccents":
            found[_STRIP] = True
        elif kind == "BertNormalizer":
            found.update((k, step[k]) for k in (_LOWER, _STRIP, _CHINESE) if k in step)
    return found
