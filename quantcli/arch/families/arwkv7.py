"""ARWKV: Qwen 2 whose attention is RWKV 7's state, with and without a gate.

Longer than others for the state's many tensors.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, has, norm, optional, output, swiglu, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import RMS_EPSILON_KEY, inner, width
from quantcli.arch.relations import PLAIN, SILU, tied_remark, vocabulary_remark
from quantcli.arch.rwkv import (
    HEAD_SIZE,
    RWKV7_VECTORS,
    flat,
    low_rank,
    mixes,
    projections,
    rank_key,
    rank_of,
    rwkv_keys,
    value_residual,
)

_AT = "self_attn.time_mixer."
_GATED = has(f"layers.{{n}}.{_AT}g1")
_RATES = low_rank("a", _AT)


def _rank(name: str, tensor: str, layer: int = 0) -> Key:
    source = f"layers.{layer}.{_AT}{tensor}"
    return rank_key(f"attention.{name}_lora_rank", rank_of(source, 1))


def _gate_rank(facts: Facts) -> int:
    """Return the rank of the gate, 0 without one."""
    return rank_of(f"layers.0.{_AT}g1", 1)(facts)


def _gateless(facts: Facts) -> bool:
    return not _GATED(facts)


ARWKV7 = Architecture(
    name="arwkv7",
    hf=("RwkvHybridForCausalLM",),
    vocab="auto",
    keys=(
        *rwkv_keys(HEAD_SIZE, inner),
        RMS_EPSILON_KEY,
        _rank("decay", "w1"),
        _rank("iclr", "a1"),
        _rank("value_residual_mix", "v1", layer=1),
        Key("{arch}.attention.gate_lora_rank", "uint32", derive=_gate_rank),
        Key("{arch}.token_shift_count", "uint32", derive=lambda facts: 1),
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                *low_rank("w", _AT),
                *_RATES,
                *value_residual(low_rank("v", _AT), _RATES),
                *switched((*low_rank("g", _AT, bias=False), mixes(f"{_AT}x_", "rwkvag")), _GATED),
                *switched((mixes(f"{_AT}x_", "rwkva"),), _gateless),
                *(flat(f"time_mix_{name}", _AT + name) for name in RWKV7_VECTORS),
                *projections(
                    (f"time_mix_{name}", _AT + name)
                    for name in ("key", "value", "receptance", "output")
                ),
                *(
                    optional(f"time_mix_ln.{end}", f"{_AT}ln_x.{end}", shape=(width,))
                    for end in ("weight", "bias")
                ),
                *swiglu(),
            )
        ),
    ),
    # The first layer has no earlier values to take over.
    ignored=(f"layers.0.{_AT}v[012]",),
    graph=(
        SILU,
        Implements("wkv_version", (7,)),
        Implements("wkv_layers", ("full", None)),
        *PLAIN,
    ),
    remarks=(tied_remark, vocabulary_remark("embed_tokens.weight")),
    ignored_fields=(
        "max_position_embeddings",
        "max_window_layers",
        "num_*_heads",
        "num_wkv_heads",
        "rope_theta",
        "sliding_window",
        "use_sliding_window",
        "wkv_has_gate",
        "wkv_has_group_norm",
    ),
)
