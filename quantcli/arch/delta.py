"""What Qwen 3 Next and Qwen 3.5 share: layers of the gated delta rule, and gated attention.

Three layers of four keep a state a head, a matrix that each token corrects (Gated DeltaNet); the
fourth attends, its output multiplied by a gate that the query projection gives too. One block after
the last layer may predict a further token; transformers does not load it, llama.cpp drafts with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from quantcli.arch.architecture import Arg, Count, Implements, Key, Row, Stack, Value
from quantcli.arch.blocks import head_norms, linear, norm, plus_one, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    FEED_FORWARD,
    LAYERS,
    RMS_EPSILON,
    key_width,
    query_width,
    width,
)
from quantcli.arch.mrope import MultiRope
from quantcli.arch.recurrent import (
    State,
    both_kinds,
    convolution,
    kind_of,
    product,
    size,
    ssm_keys,
    total,
)
from quantcli.arch.relations import without
from quantcli.arch.rope import ROTARY_KEY

_KEY_DIM, _KEY_HEADS = size("linear_key_head_dim"), size("linear_num_key_heads")
_VALUE_DIM, _VALUE_HEADS = size("linear_value_head_dim"), size("linear_num_value_heads")
_KEYS, _VALUES = product(_KEY_DIM, _KEY_HEADS), product(_VALUE_DIM, _VALUE_HEADS)
_CONV = size("linear_conv_kernel_dim")
_CHANNELS = total(_KEYS, _KEYS, _VALUES)
_SIZES = State(_CONV, _VALUES, _KEY_DIM, _VALUE_HEADS, _KEY_HEADS)

ATTENDS = kind_of("layer_types", "full_attention")
RECURS = kind_of("layer_types", "linear_attention")


# ------------------------------------------------------------------------- the predicting block
def predicting(facts: Facts) -> int:
    """Return the number of blocks after the last layer that predict further tokens."""
    parts = (name.split(".") for name in facts.tensors if name.startswith("mtp.layers."))
    return len({part[2] for part in parts})


def _all_layers(facts: Facts) -> int:
    return facts.integer(*LAYERS) + predicting(facts)


def _last(facts: Facts) -> int:
    return facts.integer(*LAYERS)


def _predicted(facts: Facts) -> Iterable[str]:
    if predicting(facts) > 1:
        yield f"{predicting(facts)} blocks predict further tokens (mtp.layers); llama.cpp has one"


# ------------------------------------------------------------------------------------------- keys
def _recurrent(facts: Facts) -> Value:
    """Return whether each block has a state; that which predicts has none."""
    layers = [RECURS(facts.at(layer)) for layer in range(_last(facts))]
    return (*layers, *[False] * predicting(facts))


def delta_keys(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """Return the keys of a decoder with those of the delta rule, all blocks counted."""
    changed = {
        BLOCK_COUNT_KEY.name: replace(BLOCK_COUNT_KEY, fields=(), derive=_all_layers),
        # Where all layers have experts, nothing says the length of another feed-forward.
        "{arch}.feed_forward_length": Key("{arch}.feed_forward_length", "uint32", FEED_FORWARD),
    }
    return (
        *(changed.get(key.name, key) for key in keys),
        *ssm_keys(_SIZES),
        Key("{arch}.attention.recurrent_layers", "array:bool", derive=_recurrent),
        Key(
            "{arch}.full_attention_interval",
            "uint32",
            derive=lambda facts: facts.get("full_attention_interval") or 4,
        ),
        ROTARY_KEY,
        Key(
            "{arch}.nextn_predict_layers",
            "uint32",
            derive=lambda facts: predicting(facts) or None,
        ),
    )


# ------------------------------------------------------------------------------------------- rows
def _double(facts: Facts) -> int:
    return 2 * query_width(facts)


_GATED_ATTENTION: tuple[Row, ...] = (
    *linear("attn_q", "self_attn.q_proj", shape=(_double, width))[:1],
    *linear("attn_k", "self_attn.k_proj", shape=(key_width, width))[:1],
    *linear("attn_v", "self_attn.v_proj", shape=(key_width, width))[:1],
    *linear("attn_output", "self_attn.o_proj", shape=(width, query_width))[:1],
    *plus_one(head_norms()),
)
_NORMS: tuple[Row, ...] = plus_one(
    (norm("attn_norm", "input_layernorm"), norm("post_attention_norm", "post_attention_layernorm"))
)


def _group(facts: Facts) -> int:
    """Return how many rows of values belong to one key head."""
    return _VALUES(facts) // max(1, _KEY_HEADS(facts))


def _grouped() -> tuple[Row, ...]:
    """Return the rows that a fused projection gives: per key head its q, k, values and gates."""
    source = "linear_attn.in_proj_qkvz.weight"
    twice, thrice = total(_KEY_DIM, _KEY_DIM), total(_KEY_DIM, _KEY_DIM, _group)
    parts = (0, _KEY_DIM, _KEY_DIM, twice, twice, thrice)
    end = total(thrice, _group)
    return (
        row("attn_qkv.weight", source, "pick", _KEY_HEADS, *parts, shape=(_CHANNELS, width)),
        row("attn_gate.weight", source, "pick", _KEY_HEADS, thrice, end, shape=(_VALUES, width)),
        row("ssm_ba.weight", "linear_attn.in_proj_ba.weight", shape=(_both_heads, width)),
    )


def _both_heads(facts: Facts) -> int:
    return 2 * _VALUE_HEADS(facts)


def _tiled(unit: Count, before: Count, *, first: tuple[Any, ...] = ()) -> Callable[[Facts], Any]:
    """Return the arguments of `pick` that sort value heads.

    They are stored key head by key head; the runtime repeats all key heads in turn, so it wants the
    first value head of each, then the second of each.

    Args:
        unit: rows of one head.
        before: rows that stay as they are, before the heads.
        first: arguments of the operation before, and "|".
    """

    def arguments(facts: Facts) -> tuple[Arg, ...]:
        keys, start, length = _KEY_HEADS(facts), before(facts), unit(facts)
        values = _VALUE_HEADS(facts) // max(1, keys)
        order = (key * values + value for value in range(values) for key in range(keys))
        heads = ((start + n * length, start + (n + 1) * length) for n in order)
        ranges = [(0, start), *heads] if start else [*heads]
        given = (arg(facts) if callable(arg) else arg for arg in first)
        return (*given, 1, *(end for each in ranges for end in each))

    return arguments


def _none(facts: Facts) -> int:
    return 0


def _one(facts: Facts) -> int:
    return 1


def _apart() -> tuple[Row, ...]:
    """Return the rows of a layer whose value heads are to be sorted."""
    at = "linear_attn."
    queries = total(_KEYS, _KEYS)
    whole, single = _tiled(_VALUE_DIM, _none), _tiled(_one, _none)
    window = _tiled(_VALUE_DIM, queries, first=(-1, _CONV, "|"))
    qkv = _tiled(_VALUE_DIM, queries)
    sorted_heads = _tiled(_one, _none, first=("|",))

    def picked(name: str, source: str, op: str, args: Callable[[Facts], Any], *shape: Count) -> Row:
        return Row(name, (at + source,), op, args, shape=shape)

    return (
        picked("attn_qkv.weight", "in_proj_qkv.weight", "pick", qkv, _CHANNELS, width),
        picked("attn_gate.weight", "in_proj_z.weight", "pick", whole, _VALUES, width),
        picked("ssm_beta.weight", "in_proj_b.weight", "pick", single, _VALUE_HEADS, width),
        picked("ssm_alpha.weight", "in_proj_a.weight", "pick", single, _VALUE_HEADS, width),
        picked("ssm_conv1d.weight", "conv1d.weight", "reshape|pick", window, _CHANNELS, _CONV),
        picked("ssm_dt.bias", "dt_bias", "pick", single, _VALUE_HEADS),
        picked("ssm_a", "A_log", "neg_exp|pick", sorted_heads, _VALUE_HEADS),
        picked("ssm_out.weight", "out_proj.weight", "pick_columns", whole, width, _VALUES),
    )


def delta_layers(
    *, fused: bool, feed_forward: Callable[[str], tuple[Row, ...]]
) -> tuple[Stack, ...]:
    """Return the layers, and the block that predicts a further token.

    Args:
        fused: whether queries, keys, values and gates are one matrix, key head by key head; then
            the runtime leaves value heads in that order.
        feed_forward: gives the rows of the feed-forward; called with what precedes a layer's names.
    """
    at = "linear_attn."
    state: tuple[Row, ...] = (
        *(_grouped() if fused else _apart()),
        norm("ssm_norm", f"{at}norm", _VALUE_DIM),
    )
    if fused:
        state = (
            *state,
            *convolution("ssm_conv1d", f"{at}conv1d", _CONV)[:1],
            row("ssm_dt.bias", f"{at}dt_bias", shape=(_VALUE_HEADS,)),
            row("ssm_a", f"{at}A_log", "neg_exp", shape=(_VALUE_HEADS,)),
            row("ssm_out.weight", f"{at}out_proj.weight", shape=(width, _VALUES)),
        )
    joined = plus_one(
        (
            row("nextn.eh_proj.weight", "fc.weight", shape=(width, total(width, width))),
            norm("nextn.enorm", "pre_fc_norm_embedding"),
            norm("nextn.hnorm", "pre_fc_norm_hidden"),
            norm("nextn.shared_head_norm", "norm"),
        )
    )
    return (
        Stack(
            (
                *_NORMS,
                *switched(_GATED_ATTENTION, ATTENDS),
                *switched(state, RECURS),
                *feed_forward("layers.{n}."),
            )
        ),
        Stack(
            (*_NORMS, *_GATED_ATTENTION, *feed_forward("mtp.layers.0.")),
            prefix="mtp.layers.{n}.",
            count=predicting,
            first=_last,
        ),
        Stack(joined, prefix="mtp.", count=predicting, first=_last),
    )


# ---------------------------------------------------------------------------------------- relations
def delta_problems(facts: Facts) -> Iterable[str]:
    """Give heads that the runtime's state does not have, and too many predicting blocks."""
    keys, values = _KEY_HEADS(facts), _VALUE_HEADS(facts)
    if _KEY_DIM(facts) != _VALUE_DIM(facts):
        yield (
            f"linear_key_head_dim is {_KEY_DIM(facts)}, linear_value_head_dim "
            f"{_VALUE_DIM(facts)}; llama.cpp's state is square"
        )
    if not keys or values % keys:
        yield (
            f"{values} value heads (linear_num_value_heads) do not divide into groups for {keys} "
            f"key heads (linear_num_key_heads)"
        )
    yield from _predicted(facts)


# What transformers adds to the length of queries and keys before it divides by it.
_LENGTH_EPSILON = 1e-6


def delta_remark(facts: Facts) -> Iterable[str]:
    """Tell that the runtime has one epsilon where the class has two."""
    epsilon = facts.get(*RMS_EPSILON)
    if epsilon != _LENGTH_EPSILON:
        yield (
            f"rms_norm_eps is {epsilon}: llama.cpp takes it for the lengths of queries and keys of "
            f"the delta rule too, transformers always {_LENGTH_EPSILON}"
        )


def layer_types(facts: Facts) -> list[str]:
    """Return the kinds of layers that the class derives from the interval of attention."""
    interval = facts.get("full_attention_interval") or 4
    kinds = ("full_attention", "linear_attention")
    return [kinds[(n + 1) % interval != 0] for n in range(_last(facts))]


DELTA_DEFAULTS = {"layer_types": layer_types, "partial_rotary_factor": 0.25}
DELTA_GRAPH: tuple[Implements, ...] = (
    both_kinds("layer_types", ATTENDS, RECURS),
    without("attention_bias"),
)
DELTA_ROPE = MultiRope((11, 11, 10), interleaved=True)
"""How Qwen 3.5 turns heads; Qwen 3 Next turns them by the position of the text alone."""
DELTA_IGNORED = (
    "full_attention_interval",
    "mamba_ssm_dtype",
    "mtp_*",
    "mlp_only_layers",
    "attn_output_gate",
    "output_gate_type",
)
