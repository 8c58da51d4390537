"""What RWKV's models share: sizes, mixes with the token before, projections of low rank.

The first releases store what they multiply from the right as (inputs, outputs), to be transposed,
and vectors with leading ones. llama.cpp has the mixes of one block as one tensor.
"""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Count, Key, Row
from quantcli.arch.blocks import linear, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import BLOCK_COUNT_KEY, WIDTH_KEY, width
from quantcli.arch.recurrent import UNBOUNDED_CONTEXT_KEY, size

HEAD_SIZE = size("head_size", "head_dim")


def rwkv_keys(head: Count, inner: Count) -> tuple[Key, ...]:
    """Return the keys of sizes that all have; 0 heads are what the runtime asks for.

    Args:
        head: length of one head of the state.
        inner: inner length of the feed-forward.
    """
    return (
        UNBOUNDED_CONTEXT_KEY,
        WIDTH_KEY,
        BLOCK_COUNT_KEY,
        Key("{arch}.wkv.head_size", "uint32", derive=head, at_least=1),
        Key("{arch}.feed_forward_length", "uint32", derive=inner, at_least=1),
        Key("{arch}.attention.head_count", "uint32", derive=lambda facts: 0),
    )


def rank_key(name: str, count: Count) -> Key:
    """Return the key of a low rank."""
    return Key(f"{{arch}}.{name}", "uint32", derive=count, at_least=1)


def mixes(at: str, letters: str) -> Row:
    """Return the row of the mixes with the token before, one for each letter, as one tensor."""
    sources = tuple(f"{at}{letter}" for letter in letters)
    return Row("time_mix_lerp_fused.weight", sources, "stack", shape=(None, None, None, width))


def flat(name: str, source: str) -> Row:
    """Return the row of a vector that is stored with leading ones, or as heads."""
    return row(f"{name}.weight", source, "reshape", -1, shape=(width,))


def projections(names: Iterable[tuple[str, str]]) -> tuple[Row, ...]:
    """Return the rows of square matrices: name in the output → in the checkpoint."""
    return tuple(
        each for name, source in names for each in linear(name, source, shape=(width, width))[:1]
    )


def rank_of(name: str, axis: int) -> Count:
    """Return the rank that the tensor of this canonical name has along `axis`."""

    def rank(facts: Facts) -> int:
        shape = facts.shape(name)
        return shape[axis] if shape and len(shape) > axis else 0

    return rank
