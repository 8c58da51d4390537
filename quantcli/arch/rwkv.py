"""What RWKV's models share: sizes, mixes with the token before, projections of low rank.

The first releases store what they multiply from the right as (inputs, outputs), to be transposed,
and vectors with leading ones. llama.cpp has the mixes of one block as one tensor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from quantcli.arch.architecture import Count, Key, Row
from quantcli.arch.blocks import linear, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import BLOCK_COUNT_KEY, WIDTH_KEY, width
from quantcli.arch.recurrent import UNBOUNDED_CONTEXT_KEY, other, size

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


def low_rank(letter: str, at: str, *, bias: bool = True) -> tuple[Row, ...]:
    """Return the rows of a projection of low rank, as RWKV 7 stores it: (inputs, outputs).

    Args:
        letter: that tells it ("w" for the decay, "a", "v", "g").
        at: what precedes the tensors' names.
        bias: whether a vector is added.
    """
    name = f"time_mix_{letter}"
    return (
        *((flat(f"{name}0", f"{at}{letter}0"),) if bias else ()),
        row(f"{name}1.weight", f"{at}{letter}1", "transpose", shape=(None, width)),
        row(f"{name}2.weight", f"{at}{letter}2", "transpose", shape=(width, None)),
    )


def low_rank_linear(letter: str, at: str, *, bias: bool = True) -> tuple[Row, ...]:
    """Return the same rows for checkpoints of the library fla, which stores two linear layers."""
    name, inside = f"time_mix_{letter}", f"{at}{letter}_lora.lora."
    return (
        *((flat(f"{name}0", f"{inside}2.bias"),) if bias else ()),
        row(f"{name}1.weight", f"{inside}0.weight", shape=(None, width)),
        row(f"{name}2.weight", f"{inside}2.weight", shape=(width, None)),
    )


def value_residual(values: Iterable[Row], rates: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows of how much of the first layer's values each layer takes over.

    The first layer takes nothing; the runtime wants tensors there all the same, of the shape of the
    learning rates', which its converter repeats.

    Args:
        values: the rows, of letter "v".
        rates: those of letter "a".
    """
    repeated = (replace(r, name=r.name.replace("time_mix_a", "time_mix_v")) for r in rates)
    return (*switched(values, _later), *switched(repeated, other(_later)))


def _later(facts: Facts) -> bool:
    return bool(facts.layer)


RWKV7_VECTORS = ("k_k", "k_a", "r_k")
"""Vectors of a layer of RWKV 7, by their last names."""
