"""QRWKV 6: Qwen 2 whose attention is RWKV 6's state, keys and values grouped or not."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Arg, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, linear, norm, optional, output, row, swiglu
from quantcli.arch.facts import Facts
from quantcli.arch.keys import RMS_EPSILON_KEY, heads, heads_kv, inner, key_width, width
from quantcli.arch.relations import PLAIN, SILU, tied_remark, vocabulary_remark, whole_heads
from quantcli.arch.rwkv import flat, mixes, rank_key, rank_of, rwkv_keys

_AT = "self_attn."
_MIX = rank_of(f"layers.0.{_AT}time_maa_w2", 1)
_DECAY = rank_of(f"layers.0.{_AT}time_decay_w1", 1)
# The order of the runtime's five mixes (w, k, v, r, g) among those that are stored (r, k, v, w, g).
_ORDER = (3, 1, 2, 0, 4)


def _head(facts: Facts) -> int:
    return width(facts) // max(1, heads(facts))


def _reordered(facts: Facts) -> tuple[Arg, ...]:
    """Return the arguments of `transpose|pick`: the runs of rows of each mix."""
    rank = _MIX(facts)
    return ("|", 1, *(end for n in _ORDER for end in (n * rank, (n + 1) * rank)))


def _restacked(facts: Facts) -> tuple[Arg, ...]:
    """Return the arguments of `transpose|reshape|pick|reshape`: the matrices in another order."""
    picks = (end for n in _ORDER for end in (n, n + 1))
    return ("|", 5, -1, "|", 1, *picks, "|", 5, width(facts), -1)


RWKV6QWEN2 = Architecture(
    name="rwkv6qwen2",
    hf=("RWKV6Qwen2ForCausalLM",),
    vocab="auto",
    keys=(
        *rwkv_keys(_head, inner),
        RMS_EPSILON_KEY,
        rank_key("time_mix_extra_dim", _MIX),
        rank_key("time_decay_extra_dim", _DECAY),
        Key("{arch}.token_shift_count", "uint32", derive=lambda facts: 1),
        Key("{arch}.attention.head_count_kv", "uint32", derive=heads_kv),
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                Row("time_mix_w1.weight", (f"{_AT}time_maa_w1",), "transpose|pick", _reordered),
                Row(
                    "time_mix_w2.weight",
                    (f"{_AT}time_maa_w2",),
                    "transpose|reshape|pick|reshape",
                    _restacked,
                ),
                flat("time_mix_lerp_x", f"{_AT}time_maa_x"),
                mixes(f"{_AT}time_maa_", "wkvrg"),
                optional("time_mix_first.weight", f"{_AT}time_faaaa"),
                flat("time_mix_decay", f"{_AT}time_decay"),
                row("time_mix_decay_w1.weight", f"{_AT}time_decay_w1", "transpose"),
                row("time_mix_decay_w2.weight", f"{_AT}time_decay_w2", "transpose"),
                *linear("time_mix_key", f"{_AT}k_proj", shape=(key_width, width)),
                *linear("time_mix_value", f"{_AT}v_proj", shape=(key_width, width)),
                *linear("time_mix_receptance", f"{_AT}q_proj", shape=(width, width)),
                *linear("time_mix_gate", f"{_AT}gate", shape=(width, width))[:1],
                *linear("time_mix_output", f"{_AT}o_proj", shape=(width, width))[:1],
                *swiglu(),
            )
        ),
    ),
    graph=(SILU, *PLAIN),
    checks=(whole_heads,),
    remarks=(tied_remark, vocabulary_remark("embed_tokens.weight")),
    ignored_fields=(
        "attention_bias",
        "attention_output_bias",
        "gate_rank_type",
        "lora_rank_*",
        "max_position_embeddings",
        "max_window_layers",
        "rope_*",
        "sliding_window",
        "use_sliding_window",
    ),
)
