"""What a tokenizer puts around a text: its class, or the post-processor of tokenizer.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quantcli.tokenizer.classes import TokenizerClass
from quantcli.tokenizer.files import Files, steps


@dataclass(slots=True)
class Around:
    """Tokens around a text.

    Attributes:
        first: text of the token in front of it, empty when there is none.
        last: text of the token behind it, empty when there is none.
        add: "bos", "eos" and "sep" to whether such a token is added, where that is decided.
        ids: ids that the post-processor itself gives for its tokens, by text.
        fixed: the class decided; flags do not count.
    """

    first: str = ""
    last: str = ""
    add: dict[str, bool] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    fixed: bool = False


def around(files: Files, cls: TokenizerClass, names: Mapping[str, str]) -> Around:
    """Return what the tokenizer puts around a text.

    Args:
        files: the tokenizer's files.
        cls: the tokenizer's class.
        names: text of each kind of special token.

    Raises:
        TokenizerError: tokenizer.json's post-processor is malformed.
    """
    found = Around()
    if cls.around is not None and (any(cls.around) or files.tokenizer is not None):
        found.fixed = True
        first, last = (names.get(kind or "", "") for kind in cls.around)
        _template(files, found, names, _of_class(first, last, cls.separators))
        return found
    for processor in steps((files.tokenizer or {}).get("post_processor"), "processors"):
        kind = processor.get("type")
        if kind in ("RobertaProcessing", "BertProcessing"):
            _pair(files, found, processor)
            found.add["sep"] = kind == "RobertaProcessing"
        elif kind == "TemplateProcessing":
            _template(files, found, names, processor)
    return found


def _special_piece(text: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": text, "type_id": 0}}


def _of_class(first: str, last: str, separators: int) -> dict[str, Any]:
    """A class's own post-processor, spelled like tokenizer.json's."""
    a, b = ({"Sequence": {"id": letter, "type_id": 0}} for letter in "AB")
    before = [_special_piece(first)] if first else []
    after = [_special_piece(last)] if last else []
    return {"single": [*before, a, *after], "pair": [*before, a, *after * separators, b, *after]}


def _pair(files: Files, found: Around, processor: Mapping[str, Any]) -> None:
    """RobertaProcessing and BertProcessing: cls in front, sep behind, each as [text, id]."""
    texts: dict[str, str] = {}
    for name in ("cls", "sep"):
        pair = processor.get(name)
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise files.malformed(f'{processor.get("type")} has no "{name}" of a text and an id')
        texts[name] = pair[0]
        if type(pair[1]) is int:
            found.ids[pair[0]] = pair[1]
    found.first, found.last = texts["cls"], texts["sep"]
    found.add.update(bos=True, eos=True)


def _special(piece: object) -> str | None:
    """Text of a template's piece when it is a special token."""
    inner = piece.get("SpecialToken") if isinstance(piece, Mapping) else None
    text = inner.get("id") if isinstance(inner, Mapping) else None
    return text if isinstance(text, str) and text else None


def _sequence(piece: object) -> str | None:
    inner = piece.get("Sequence") if isinstance(piece, Mapping) else None
    text = inner.get("id") if isinstance(inner, Mapping) else None
    return text if isinstance(text, str) else None


def _template(
    files: Files, found: Around, names: Mapping[str, str], processor: Mapping[str, Any]
) -> None:
    single, pair = processor.get("single") or [], processor.get("pair") or []
    if not isinstance(single, list) or not isinstance(pair, list):
        raise files.malformed("TemplateProcessing is not a list of pieces")
    at = next((i for i, piece in enumerate(single) if _sequence(piece)), len(single))
    before = [text for piece in single[:at] if (text := _special(piece))]
    after = [text for piece in single[at + 1 :] if (text := _special(piece))]
    found.ids.update(_ids(processor.get("special_tokens")))
    found.first = _only(files, found, before, "bos", "in front of")
    found.last = _only(files, found, after, "eos", "behind")
    if pair:
        _between(found, names, pair)


def _ids(table: object) -> dict[str, int]:
    """Ids of a template's tokens that stand for one id each."""
    found = {}
    for text, entry in table.items() if isinstance(table, Mapping) else ():
        ids = entry.get("ids") if isinstance(entry, Mapping) else None
        if isinstance(ids, list) and len(ids) == 1 and type(ids[0]) is int and ids[0] >= 0:
            found[text] = ids[0]
    return found


def _only(files: Files, found: Around, texts: list[str], kind: str, where: str) -> str:
    if len(texts) == 1:
        found.add[kind] = True
        return texts[0]
    if texts:
        found.add[kind] = False
        files.note(
            f"the tokenizer puts several tokens {where} a text, llama.cpp at most one: none is "
            "written",
            "".join(texts),
        )
    return ""


def _between(found: Around, names: Mapping[str, str], pair: list[Any]) -> None:
    """Decide whether a separator stands between two texts."""
    first, last = found.first, found.last
    start = 1 if first and _special(pair[0]) == first else 0
    stop = len(pair) - 1 if last and _special(pair[-1]) == last else len(pair)
    inner = pair[start:stop]
    if not inner or _sequence(inner[0]) != "A" or _sequence(inner[-1]) != "B":
        return
    middle = inner[1:-1]
    if not middle:
        return
    separators = (names.get("sep"), last or names.get("eos"))
    add = _special(middle[0]) in separators and not last
    if len(middle) == 2 and _special(middle[1]) in separators:
        add = True
    found.add["sep"] = add
