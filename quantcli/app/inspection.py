"""What the inspections of a file and of a checkpoint share: summaries, and how they are JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass

from quantcli.app.record import FORMAT

_TOKENIZER = "tokenizer."
_SPECIAL = "_token_id"


@dataclass(frozen=True, slots=True)
class TokenizerSummary:
    """A tokenizer.

    Attributes:
        model: kind ("gpt2", "llama", "bert", …).
        pre: pre-tokenizer, or None.
        size: number of tokens.
        merges: number of merges.
        special: role ("bos", "eos", …) → (id, text of the token or None).
        chat_template: length of the chat template in characters, or None without one.
    """

    model: str
    pre: str | None
    size: int
    merges: int
    special: dict[str, tuple[int, str | None]]
    chat_template: int | None


@dataclass(frozen=True, slots=True)
class TypeSummary:
    """All tensors of one type or dtype: how many, their weights, their bytes without padding."""

    type: str
    tensors: int
    weights: int
    nbytes: int


def tokenizer_summary(metadata: Mapping[str, object]) -> TokenizerSummary | None:
    """Return the tokenizer that GGUF metadata describes, or None without one.

    Args:
        metadata: key → value; arrays are tuples.
    """
    model = metadata.get("tokenizer.ggml.model")
    if not isinstance(model, str):
        return None
    texts, merges = (metadata.get(f"tokenizer.ggml.{name}") for name in ("tokens", "merges"))
    tokens = texts if isinstance(texts, tuple) else ()
    special: dict[str, tuple[int, str | None]] = {}
    for key, value in metadata.items():
        if key.startswith(_TOKENIZER) and key.endswith(_SPECIAL) and isinstance(value, int):
            role = key.rpartition(".")[2].removesuffix(_SPECIAL)
            special[role] = (value, str(tokens[value]) if 0 <= value < len(tokens) else None)
    pre, template = metadata.get("tokenizer.ggml.pre"), metadata.get("tokenizer.chat_template")
    return TokenizerSummary(
        model=model,
        pre=pre if isinstance(pre, str) else None,
        size=len(tokens),
        merges=len(merges) if isinstance(merges, tuple) else 0,
        special=special,
        chat_template=len(template) if isinstance(template, str) else None,
    )


def type_summaries(tensors: Iterable[tuple[str, int, int]]) -> tuple[TypeSummary, ...]:
    """Return one summary a type, most bytes first.

    Args:
        tensors: type, number of weights and bytes of each tensor.
    """
    sums: dict[str, list[int]] = {}
    for name, weights, nbytes in tensors:
        total = sums.setdefault(name, [0, 0, 0])
        for i, more in enumerate((1, weights, nbytes)):
            total[i] += more
    found = [TypeSummary(name, *total) for name, total in sums.items()]
    return tuple(sorted(found, key=lambda summary: (-summary.nbytes, summary.type)))


def as_json(kind: str, result: object) -> str:
    """Return the fields of a dataclass with its `kind` and the "format" as one JSON object."""
    record = json_value(result)
    assert isinstance(record, dict)  # it is a dataclass
    return json_text({**record, "format": FORMAT, "kind": kind})


def json_text(value: object) -> str:
    """Return `value`, whatever it holds, as JSON on one line.

    JSON has no numbers that are not finite: they become "NaN", "Infinity" and "-Infinity".
    """
    return json.dumps(json_value(value), sort_keys=True, allow_nan=False)


def json_value(value: object) -> object:
    """Return `value` as json has it: dataclasses as objects, tuples as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: json_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
