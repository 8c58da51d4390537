"""Ling, the first: Llama's layers with fused heads, experts in every layer and shared ones."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import embedding, norm, output, row
from quantcli.arch.decoders import DECODER_CHECKS, LLAMA_KEYS, VOCAB_KEY, decoder_graph
from quantcli.arch.experts import (
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    LEADING_DENSE_KEY,
    SHARED_COUNT_KEY,
    WEIGHTS_NORM_KEY,
    routed,
    router,
    routing_problems,
    shared,
    shared_inner,
    shared_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import heads, heads_kv, key_width, query_width, width
from quantcli.arch.relations import rows_of, vocabulary_remark, without

_FUSED = "attention.query_key_value.weight"


def _keys_end(facts: Facts) -> int:
    return query_width(facts) + key_width(facts)


def _values_end(facts: Facts) -> int:
    return query_width(facts) + 2 * key_width(facts)


BAILINGMOE = Architecture(
    name="bailingmoe",
    hf=("BailingMoeForCausalLM",),
    vocab="auto",
    keys=(
        *(key for key in LLAMA_KEYS if key is not VOCAB_KEY),
        Key(VOCAB_KEY.name, "uint32", derive=rows_of("word_embeddings.weight")),
        *EXPERT_KEYS,
        LEADING_DENSE_KEY,
        EXPERT_LENGTH_KEY,
        Key("{arch}.expert_weights_scale", "float32", derive=lambda facts: 1.0),
        SHARED_COUNT_KEY,
        WEIGHTS_NORM_KEY,
    ),
    globals=(
        *embedding("word_embeddings"),
        *output(embedding="word_embeddings", copied=True),
    ),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                row("attn_q.weight", _FUSED, "pick|rope_permute", 1, 0, query_width, "|", heads),
                row(
                    "attn_k.weight",
                    _FUSED,
                    "pick|rope_permute",
                    *(1, query_width, _keys_end, "|", heads_kv),
                ),
                row("attn_v.weight", _FUSED, "pick", 1, _keys_end, _values_end),
                row("attn_output.weight", "attention.dense.weight", shape=(width, query_width)),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(),
                *shared("mlp.shared_experts.", size=shared_inner),
            )
        ),
    ),
    defaults={
        "bailing_moe": {
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "norm_topk_prob": False,
            "num_key_value_heads": heads,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
        }
    },
    graph=(
        *decoder_graph(),
        Implements("first_k_dense_replace", (0, None)),
        Implements("norm_softmax", (False, None)),
        without("norm_head"),
        without("use_bias"),
        without("use_qkv_bias"),
        without("use_qk_norm"),
    ),
    checks=(*DECODER_CHECKS, routing_problems, shared_problems),
    remarks=(vocabulary_remark("word_embeddings.weight"),),
    ignored_fields=("num_nextn_predict_layers", "max_window_layers", "sliding_window"),
)
