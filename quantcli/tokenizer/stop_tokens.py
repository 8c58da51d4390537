"""The tokens at which a generation ends: eos, and what config.json and generation_config.json list.

llama.cpp ends at eos, eot, eom and at tokens that it knows by their text.
"""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.files import GENERATION, Files
from quantcli.tokenizer.runtime import ENDS_TEXT, ENDS_TURN, ends_by_text
from quantcli.tokenizer.special_tokens import SpecialTokens, config_value, valid_id
from quantcli.tokenizer.vocabulary import TokenType, Vocabulary

_CONFIG = "config.json"


def add_stop_tokens(
    files: Files, config: Mapping[str, object], special: SpecialTokens, vocab: Vocabulary
) -> None:
    """Give the listed stop tokens the keys at which llama.cpp ends a generation.

    A token named eos stays eos; otherwise the first listed one becomes it. Of the others those
    that llama.cpp does not know by their text become eot and eom; any further one is noted.

    Args:
        files: the tokenizer's files.
        config: config.json.
        special: the special tokens; changed in place.
        vocab: the finished vocabulary.
    """
    listed = _listed(files, config, vocab, named="eos" in special.ids)
    if not listed:
        return
    special.ids.setdefault("eos", listed[0])
    taken = {special.ids[kind] for kind in ("eos", "eot", "eom") if kind in special.ids}
    known = ends_by_text(vocab)
    needed = [i for i in listed if i not in taken and i not in known]
    for kind in ("eot", "eom"):
        if needed and kind not in special.ids:
            special.ids[kind] = needed.pop(0)
    for i in needed:
        files.note(
            "stop tokens for which llama.cpp has no key are left out",
            f"{vocab.tokens[i]!r} (id {i})",
        )
    if "eot" not in special.ids and vocab.tokens[special.ids["eos"]] not in ENDS_TURN:
        # llama.cpp would take any of those it knows; a listed one is the right one.
        others = [i for i in listed if i not in taken]
        ends = [i for i in others if vocab.tokens[i] in ENDS_TURN]
        ends += [i for i in others if vocab.tokens[i] in ENDS_TEXT]
        if ends:
            special.ids["eot"] = ends[0]


def _listed(
    files: Files, config: Mapping[str, object], vocab: Vocabulary, *, named: bool
) -> list[int]:
    found: dict[int, None] = {}
    for source, value in (
        (_CONFIG, config_value(config, "eos_token_id")),
        (GENERATION, _generation(files).get("eos_token_id")),
    ):
        for i in value if isinstance(value, list) else [value]:
            if type(i) is not int or not valid_id(files, vocab, "eos", i, source):
                continue
            if named and not isinstance(value, list) and vocab.types[i] == TokenType.NORMAL:
                # Most often the default of a class, left in a file whose tokenizer says otherwise.
                files.note(
                    f"eos_token_id of {source} is an ordinary token, and the tokenizer names "
                    "another: left out",
                    f"{i}, {vocab.tokens[i]!r}",
                )
                continue
            found[i] = None
    return list(found)


def _generation(files: Files) -> Mapping[str, object]:
    try:
        return files.object(GENERATION) or {}
    except TokenizerError as error:
        files.note(f"{GENERATION} is left aside: {error.message}")
        return {}
