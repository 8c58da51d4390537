"""PLM: keys and values from a compressed vector, a feed-forward that squares a ReLU."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, norm, output, row, swiglu
from quantcli.arch.decoders import DECODER_KEYS, DECODER_REMARKS, VOCAB_KEY, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import heads, lacking, width
from quantcli.arch.relations import without

_RANK = "kv_lora_rank"


def _rank(facts: Facts) -> int:
    return facts.integer(_RANK)


def _rotated(facts: Facts) -> int:
    return facts.integer("qk_rope_head_dim")


def _key_length(facts: Facts) -> int:
    return facts.integer("qk_nope_head_dim") + _rotated(facts)


def _queries(facts: Facts) -> int:
    return heads(facts) * _key_length(facts)


def _compressed(facts: Facts) -> int:
    return _rank(facts) + _rotated(facts)


def _values(facts: Facts) -> int:
    return heads(facts) * facts.integer("v_head_dim")


def _expanded(facts: Facts) -> int:
    return heads(facts) * facts.integer("qk_nope_head_dim") + _values(facts)


PLM = Architecture(
    name="plm",
    hf=("PLMForCausalLM",),
    vocab="auto",
    keys=(
        *lacking(DECODER_KEYS, "key_length", "value_length"),
        VOCAB_KEY,
        Key("{arch}.attention.kv_lora_rank", "uint32", (_RANK,), required=True, at_least=1),
        Key("{arch}.attention.key_length", "uint32", derive=_key_length, at_least=1),
        Key("{arch}.attention.value_length", "uint32", ("v_head_dim",), required=True, at_least=1),
        Key("{arch}.rope.dimension_count", "uint32", derive=_rotated, at_least=1),
    ),
    globals=(*EMBEDDING, *output()[:1]),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                row("attn_q.weight", "self_attn.q_proj.weight", shape=(_queries, width)),
                row(
                    "attn_kv_a_mqa.weight",
                    "self_attn.kv_a_proj_with_mqa.weight",
                    shape=(_compressed, width),
                ),
                norm("attn_kv_a_norm", "self_attn.kv_a_layernorm", _rank),
                row("attn_kv_b.weight", "self_attn.kv_b_proj.weight", shape=(_expanded, _rank)),
                row("attn_output.weight", "self_attn.o_proj.weight", shape=(width, _values)),
                *swiglu(names=("", "up_proj", "down_proj")),
            )
        ),
    ),
    graph=(
        *decoder_graph(activation=Implements("hidden_act", ("relu2",))),
        Implements("tie_word_embeddings", (True,)),
        without("q_lora_rank"),
        without("attention_bias"),
        without("mlp_bias"),
    ),
    remarks=DECODER_REMARKS,
)
