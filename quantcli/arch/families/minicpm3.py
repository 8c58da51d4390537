"""MiniCPM 3: latent attention, and scales that the runtime has for the released model only.

Longer than most: the latent is not taken apart as in DeepSeek's graphs, so all lengths are here.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack, Value
from quantcli.arch.blocks import EMBEDDING, OUTPUT, norm, row, swiglu
from quantcli.arch.decoders import DECODER_REMARKS, VOCAB_KEY, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import RMS_EPSILON_KEY, SIZE_KEYS, heads, heads_kv, width
from quantcli.arch.relations import without
from quantcli.arch.rope import LONGROPE, LONGROPE_FACTORS, ROPE_KEYS, longrope_remark

_KEY_RANK, _QUERY_RANK = "kv_lora_rank", "q_lora_rank"


def _rotated(facts: Facts) -> int:
    return facts.integer("qk_rope_head_dim")


def _plain(facts: Facts) -> int:
    return facts.integer("qk_nope_head_dim")


def _key_length(facts: Facts) -> int:
    return _plain(facts) + _rotated(facts)


def _value_length(facts: Facts) -> int:
    said = facts.get("v_head_dim")
    return width(facts) // max(1, heads(facts)) if said is None else facts.integer("v_head_dim")


def _unlike_the_width(facts: Facts) -> Value | None:
    length = _value_length(facts)
    return None if length == width(facts) // max(1, heads(facts)) else length


def _key_rank(facts: Facts) -> int:
    return facts.integer(_KEY_RANK)


def _query_rank(facts: Facts) -> int:
    return facts.integer(_QUERY_RANK)


def _queries(facts: Facts) -> int:
    return heads(facts) * _key_length(facts)


def _compressed(facts: Facts) -> int:
    return _key_rank(facts) + _rotated(facts)


def _expanded(facts: Facts) -> int:
    return heads(facts) * (_plain(facts) + _value_length(facts))


def _values(facts: Facts) -> int:
    return heads(facts) * _value_length(facts)


MINICPM3 = Architecture(
    name="minicpm3",
    hf=("MiniCPM3ForCausalLM",),
    vocab="auto",
    keys=(
        *SIZE_KEYS,
        Key("{arch}.attention.head_count_kv", "uint32", derive=heads_kv, at_least=1),
        RMS_EPSILON_KEY,
        VOCAB_KEY,
        Key("{arch}.attention.q_lora_rank", "uint32", (_QUERY_RANK,), required=True, at_least=1),
        Key("{arch}.attention.kv_lora_rank", "uint32", (_KEY_RANK,), required=True, at_least=1),
        Key("{arch}.attention.key_length", "uint32", derive=_key_length, at_least=1),
        Key("{arch}.attention.value_length", "uint32", derive=_unlike_the_width, at_least=1),
        Key("{arch}.rope.dimension_count", "uint32", derive=_rotated, at_least=1),
        *ROPE_KEYS,
    ),
    globals=(*LONGROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                row("attn_q_a.weight", "self_attn.q_a_proj.weight", shape=(_query_rank, width)),
                norm("attn_q_a_norm", "self_attn.q_a_layernorm", _query_rank),
                row("attn_q_b.weight", "self_attn.q_b_proj.weight", shape=(_queries, _query_rank)),
                row(
                    "attn_kv_a_mqa.weight",
                    "self_attn.kv_a_proj_with_mqa.weight",
                    shape=(_compressed, width),
                ),
                norm("attn_kv_a_norm", "self_attn.kv_a_layernorm", _key_rank),
                row("attn_kv_b.weight", "self_attn.kv_b_proj.weight", shape=(_expanded, _key_rank)),
                row("attn_output.weight", "self_attn.o_proj.weight", shape=(width, _values)),
                *swiglu(),
            )
        ),
    ),
    defaults={"minicpm3": {"head_dim": _rotated}},
    graph=(
        *decoder_graph(*LONGROPE),
        Implements("scale_emb", (12,)),
        Implements("scale_depth", (1.4,)),
        Implements("dim_model_base", (256,)),
        without("attention_bias"),
        without("mlp_bias"),
    ),
    checks=(),
    remarks=(*DECODER_REMARKS, longrope_remark),
    ignored_fields=("qk_head_dim",),
)
