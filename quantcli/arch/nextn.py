"""Layers after the last one that predict further tokens: written where the runtime has a place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from quantcli.arch.architecture import Key, Row
from quantcli.arch.blocks import optional, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import BLOCK_COUNT_KEY, LAYERS, width

_SAID = ("num_nextn_predict_layers", "num_mtp_layers", "mtp_num_layers")


def further_layers(facts: Facts) -> Iterable[str]:
    """Give the patterns of the tensors of layers after the last, for a table's `ignored`."""
    last = facts.integer(*LAYERS)
    numbers = {name.split(".")[1] for name in facts.tensors if name.startswith("layers.")}
    return sorted(f"layers.{n}.*" for n in numbers if n.isdigit() and int(n) >= last)


def predicting_layers(facts: Facts) -> int:
    """Return how many such layers the checkpoint has; transformers does not load or save them."""
    return len(tuple(further_layers(facts)))


def all_layers(facts: Facts) -> int:
    """Return the number of layers, those that predict further tokens included."""
    return facts.integer(*LAYERS) + predicting_layers(facts)


def predicting(facts: Facts) -> bool:
    """Tell whether a layer predicts further tokens."""
    return (facts.layer or 0) >= facts.integer(*LAYERS)


def _said(facts: Facts) -> int | None:
    """Return the number of such layers, None where there are none and the config is silent."""
    found, said = predicting_layers(facts), facts.get(*_SAID)
    return found if found or (said is not None and _SAID[0] in facts.config) else None


ALL_BLOCKS_KEY = replace(BLOCK_COUNT_KEY, fields=(), derive=all_layers)
NEXTN_KEY = Key("{arch}.nextn_predict_layers", "uint32", derive=_said)


def all_blocks(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """Return the keys, that of the number of blocks counting these layers too."""
    return tuple(ALL_BLOCKS_KEY if key.name == BLOCK_COUNT_KEY.name else key for key in keys)


NEXTN_ROWS: tuple[Row, ...] = (
    row("nextn.eh_proj.weight", "eh_proj.weight", when=predicting),
    optional("nextn.embed_tokens.weight", "embed_tokens.weight", when=predicting),
    row("nextn.enorm.weight", "enorm.weight", shape=(width,), when=predicting),
    row("nextn.hnorm.weight", "hnorm.weight", shape=(width,), when=predicting),
    optional("nextn.shared_head_head.weight", "shared_head.head.weight", when=predicting),
    optional("nextn.shared_head_norm.weight", "shared_head.norm.weight", when=predicting),
)
"""The rows that such a layer has beside those of every layer."""
