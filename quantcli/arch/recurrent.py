"""What state-space and hybrid models share: sizes of the state, its tensors, kinds of layers.

Mamba's layers keep a convolution's window and a state of fixed size in place of keys and values.
llama.cpp wants the convolution as a matrix (channels, window), the decay as -exp(A_log), and of
Mamba 2 the numbers of each head as columns (heads, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from quantcli.arch.architecture import Count, Implements, Key, Row, Value
from quantcli.arch.blocks import Present, Shape, When, linear, optional, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import BLOCK_COUNT_KEY, LAYERS, WIDTH_KEY, heads_kv, width
from quantcli.arch.relations import without
from quantcli.errors import ConfigError


@dataclass(frozen=True, slots=True)
class State:
    """Where an architecture's config has the sizes of a state-space layer.

    Attributes:
        conv: window of the convolution.
        inner: channels.
        state: length of the state of one channel.
        rank: rank of the time step's projection; in Mamba 2 the number of heads.
        groups: groups of heads that share a projection into the state; None before Mamba 2.
    """

    conv: Count
    inner: Count
    state: Count
    rank: Count
    groups: Count | None = None


def size(*fields: str, otherwise: Count | None = None) -> Count:
    """Return the number that the first of `fields` gives, "auto" and none giving `otherwise`."""

    def number(facts: Facts) -> int:
        said = facts.get(*fields)
        if otherwise is not None and said in (None, "auto"):
            return otherwise(facts)
        return facts.integer(*fields)

    return number


def product(*counts: Count) -> Count:
    """Return the product of several sizes."""
    return lambda facts: math.prod(count(facts) for count in counts)


def expanded(*fields: str) -> Count:
    """Return the channels: as many times the width as the first of `fields` says, else twice."""

    def number(facts: Facts) -> int:
        return int(facts.number(*fields, default=2) * width(facts))

    return number


def sixteenth(facts: Facts) -> int:
    """Return the usual rank of the time step: one for sixteen of the width, rounded up."""
    return -(-width(facts) // 16)


def total(*counts: Count) -> Count:
    """Return the sum of several sizes."""
    return lambda facts: sum(count(facts) for count in counts)


def ssm_keys(sizes: State) -> tuple[Key, ...]:
    """Return the keys of a state's sizes."""
    counts = {
        "conv_kernel": sizes.conv,
        "inner_size": sizes.inner,
        "state_size": sizes.state,
        "time_step_rank": sizes.rank,
        "group_count": sizes.groups,
    }
    return tuple(
        Key(f"{{arch}}.ssm.{name}", "uint32", derive=count, at_least=1)
        for name, count in counts.items()
        if count is not None
    )


def other(kind: When) -> When:
    """Return whether a layer is not of this kind."""
    return lambda facts: not kind(facts)


def kind_of(field: str, *names: str) -> When:
    """Return whether a layer is listed under one of these names in the config's `field`."""

    def found(facts: Facts) -> bool:
        kinds = facts.get(field)
        if not isinstance(kinds, list) or not len(kinds) > (facts.layer or 0):
            raise ConfigError(f"{field} does not list the kind of every layer: {kinds!r}")
        return kinds[facts.layer or 0] in names

    return found


def every(period: Count, offset: Count) -> When:
    """Return whether a layer is one of those that come back each `period`, from `offset`."""
    return lambda facts: (facts.layer or 0) % max(1, period(facts)) == offset(facts)


def both_kinds(field: str, attends: When, recurs: When) -> Implements:
    """Return the row that asks for a layer of attention and for one with a state.

    llama.cpp aborts where its cache of keys, or that of states, has no layer.

    Args:
        field: that names the kinds.
        attends: whether a layer is one of attention.
        recurs: whether it is one with a state.
    """

    def missing(facts: Facts) -> str | None:
        layers = [facts.at(layer) for layer in range(facts.integer(*LAYERS))]
        if not any(attends(layer) for layer in layers):
            return "no layer of attention"
        return None if any(recurs(layer) for layer in layers) else "layers of attention only"

    return Implements(
        field, (None,), missing, "llama.cpp computes no hybrid model whose layers are of one kind."
    )


def per_layer(kind: When, count: Count) -> Callable[[Facts], Value]:
    """Return for a key: `count` for each layer of a kind, 0 for the others."""

    def counts(facts: Facts) -> Value:
        layers = (facts.at(layer) for layer in range(facts.integer(*LAYERS)))
        return tuple(count(layer) if kind(layer) else 0 for layer in layers)

    return counts


def heads_kv_key(attends: When) -> Key:
    """Return the key of key heads, a number a layer: the runtime tells layers apart by them."""
    name = "{arch}.attention.head_count_kv"
    return Key(name, "array:int32", derive=per_layer(attends, heads_kv))


def _constant(name: str, value: int) -> Key:
    return Key(f"{{arch}}.{name}", "uint32", derive=lambda facts: value)


UNBOUNDED_CONTEXT_KEY = _constant("context_length", 2**20)
"""Of models without positions; 2**20 is what the runtime's converter writes."""
UNBOUNDED_KEYS: tuple[Key, ...] = (
    UNBOUNDED_CONTEXT_KEY,
    WIDTH_KEY,
    _constant("feed_forward_length", 0),
    _constant("attention.head_count", 0),
    BLOCK_COUNT_KEY,
)
"""Sizes of a model of state-space layers only: no limit of positions, no heads, no feed-forward.

The runtime asks for all of them.
"""


def convolution(name: str, source: str, window: Count, *, bias: Present = True) -> tuple[Row, ...]:
    """Return the rows of a depthwise convolution (channels, 1, window) and of its bias.

    Args:
        name: GGUF name without suffix.
        source: the checkpoint's.
        window: of the convolution.
        bias: whether the bias may be absent.
    """
    return (
        row(f"{name}.weight", f"{source}.weight", "reshape", -1, window, shape=(None, window)),
        optional(f"{name}.bias", f"{source}.bias", absent=bias),
    )


def mamba(at: str, sizes: State) -> tuple[Row, ...]:
    """Return the rows of a state-space layer of the first kind, without the norm before it.

    Args:
        at: what precedes the tensors' names.
        sizes: of the layer.
    """
    inner, state, rank = sizes.inner, sizes.state, sizes.rank
    return (
        row("ssm_in.weight", f"{at}in_proj.weight", shape=(total(inner, inner), width)),
        *convolution("ssm_conv1d", f"{at}conv1d", sizes.conv, bias=False),
        row("ssm_x.weight", f"{at}x_proj.weight", shape=(total(rank, state, state), inner)),
        *linear("ssm_dt", f"{at}dt_proj", shape=(inner, rank), bias=False),
        row("ssm_a", f"{at}A_log", "neg_exp", shape=(inner, state)),
        row("ssm_d", f"{at}D", shape=(inner,)),
        row("ssm_out.weight", f"{at}out_proj.weight", shape=(width, inner)),
    )


def mamba2(at: str, sizes: State, *, norm: Present = False) -> tuple[Row, ...]:
    """Return the rows of a state-space layer of Mamba 2, without the norm before it.

    Args:
        at: what precedes the tensors' names.
        sizes: of the layer.
        norm: whether the norm of the gated output may be absent.
    """
    inner, state, heads, groups = sizes.inner, sizes.state, sizes.rank, sizes.groups
    assert groups is not None
    shared = product(groups, state)
    projected = total(inner, inner, shared, shared, heads)
    column: Shape = (heads, lambda facts: 1)
    return (
        row("ssm_in.weight", f"{at}in_proj.weight", shape=(projected, width)),
        *convolution("ssm_conv1d", f"{at}conv1d", sizes.conv, bias=False),
        row("ssm_dt.bias", f"{at}dt_bias", shape=(heads,)),
        row("ssm_a", f"{at}A_log", "neg_exp|reshape", "|", -1, 1, shape=column),
        row("ssm_d", f"{at}D", "reshape", -1, 1, shape=column),
        optional("ssm_norm.weight", f"{at}norm.weight", "reshape", groups, -1, absent=norm),
        row("ssm_out.weight", f"{at}out_proj.weight", shape=(width, inner)),
    )


def state_graph(
    proj_bias: str = "use_bias", conv_bias: str = "use_conv_bias"
) -> tuple[Implements, ...]:
    """Return what the graph of a state-space layer has.

    Args:
        proj_bias: field that adds biases to the projections into and out of the layer.
        conv_bias: field that gives the convolution a bias, which the runtime always adds.
    """
    return (
        without(proj_bias),
        Implements(conv_bias, (True,)),
        time_step_limit(),
    )


STATE_IGNORED = (
    "chunk_size",
    "mamba_chunk_size",
    "rescale_prenorm_residual",
    "residual_in_fp32",
    "time_step_floor",
    "time_step_init_scheme",
    "time_step_max",
    "time_step_min",
    "time_step_scale",
    "use_associative_scan",
    "use_*mambapy",
    "use_mamba_kernels",
)
"""Fields of how weights were initialised, of precision, and of which implementation computes."""


def time_step_limit(field: str = "time_step_limit") -> Implements:
    """Return the row for limits of the time step, which the runtime does not have."""

    def read(facts: Facts) -> object:
        limits = facts.get(field)
        return "none" if _unlimited(limits) else limits

    return Implements(field, ("none",), read)


def _unlimited(limits: object) -> bool:
    """Tell whether limits let every time step through, which softplus makes positive."""
    if limits is None:
        return True
    if not isinstance(limits, (list, tuple)) or len(limits) != 2:
        return False
    low, high = (_infinite(limit) for limit in limits)
    return low == 0 and high == float("inf")


def _infinite(limit: object) -> object:
    """Return a limit as a number: JSON has no infinity, so it is spelled in several ways."""
    if isinstance(limit, dict):
        limit = limit.get("__float__")
    return float("inf") if limit in ("Infinity", "inf", None) else limit
