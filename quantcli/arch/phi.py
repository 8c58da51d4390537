"""What Phi 3 and Phi 3.5 MoE share: keys of longrope, and a window that the runtime leaves out."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Check, Key, Value
from quantcli.arch.decoders import DECODER_KEYS, DECODER_REMARKS
from quantcli.arch.facts import Facts
from quantcli.arch.keys import MOST_POSITIONS, lacking
from quantcli.arch.relations import full_attention_remark, window
from quantcli.arch.rope import ROTARY_KEY, longrope_remark, original_context


def _original(facts: Facts) -> Value:
    return int(original_context(facts))


def _window(facts: Facts) -> Value:
    length: Value = facts.get("sliding_window") or 0
    return length


def _window_remark(facts: Facts) -> Iterable[str]:
    if (length := window(facts)) is not None:
        yield full_attention_remark(facts, length)


# The kind of scaling is not said: longrope is its factors, whose tensors say it.
PHI_KEYS: tuple[Key, ...] = (
    *lacking(DECODER_KEYS, "rope.scaling.type", "rope.scaling.original_context_length"),
    Key(
        "{arch}.rope.scaling.original_context_length",
        "uint32",
        derive=_original,
        at_least=1,
        at_most=MOST_POSITIONS,
    ),
    ROTARY_KEY,
    Key("{arch}.attention.sliding_window", "uint32", derive=_window),
)
PHI_REMARKS: tuple[Check, ...] = (*DECODER_REMARKS, _window_remark, longrope_remark)
