"""Decoders that score a text by its last token (`GenericForSequenceClassification`)."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Key, Row
from quantcli.arch.blocks import row, switched
from quantcli.arch.encoders import classifies, labels
from quantcli.arch.facts import Facts
from quantcli.arch.keys import width
from quantcli.arch.sentence import POOLING_KEY, RANK, pooling

_HEAD = "score.weight"


def _outputs(facts: Facts) -> int:
    shape = facts.shape(_HEAD)
    return shape[0] if shape else 0


def _labels(facts: Facts) -> tuple[str, ...] | None:
    """Return the names of the outputs: their number tells the runtime how many there are."""
    if not classifies(facts):
        return None
    return labels(facts) or tuple(f"LABEL_{number}" for number in range(_outputs(facts)))


def _pooled(facts: Facts) -> int | None:
    said = pooling(facts)
    if isinstance(said, int):
        return said
    return RANK if classifies(facts) else None


def scoring(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """Return a decoder's keys, those of a model that scores among them."""
    own = Key(POOLING_KEY.name, POOLING_KEY.type, derive=_pooled)
    names = Key("{arch}.classifier.output_labels", "array:string", derive=_labels)
    return (*(own if key is POOLING_KEY else key for key in keys), names)


SCORE_ROWS: tuple[Row, ...] = switched(
    (row("cls.output.weight", _HEAD, shape=(_outputs, width)),), classifies
)


def score_problems(facts: Facts) -> Iterable[str]:
    """Give heads that the runtime's softmax makes meaningless, or labels of another number."""
    if not classifies(facts):
        return
    names, count = _labels(facts) or (), _outputs(facts)
    if count == 1:
        yield (
            "score.weight has one row: llama.cpp takes the softmax of a score's outputs, which is "
            "always 1 for a single one"
        )
    if count and names and len(names) != count:
        yield f"id2label names {len(names)} classes, score.weight has {count} rows"


def score_remark(facts: Facts) -> Iterable[str]:
    """Tell that the runtime gives probabilities where transformers gives logits."""
    if classifies(facts):
        yield "llama.cpp gives the softmax of the scores, transformers the scores themselves"
