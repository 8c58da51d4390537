"""Ling 2 and Sarvam MoE: fused heads with norms, and DeepSeek's experts after dense layers."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import embedding, norm, output, row
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, VOCAB_KEY, decoder_graph
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    GROUP_KEYS,
    LEADING_DENSE_KEY,
    SHARED_COUNT_KEY,
    SIGMOID,
    WEIGHTS_NORM_KEY,
    WEIGHTS_SCALE_KEY,
    dense_then_routed,
    gating_key,
    routing_problems,
    shared_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, key_width, query_width, width
from quantcli.arch.nextn import NEXTN_KEY, NEXTN_ROWS, all_blocks, all_layers, predicting
from quantcli.arch.relations import heads_fill_the_width, rows_of, vocabulary_remark, without
from quantcli.arch.rope import ROTARY_KEY


def _fused_width(facts: Facts) -> int:
    return query_width(facts) + 2 * key_width(facts)


_FUSED = "attention.query_key_value.weight"
_SHARED = ("moe_shared_expert_intermediate_size", "moe_intermediate_size")
_CLASS = {
    **SIGMOID,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "norm_topk_prob": True,
    "rms_norm_eps": 1e-6,
}

BAILINGMOE2 = Architecture(
    name="bailingmoe2",
    hf=(
        "BailingMoeV2ForCausalLM",
        "SarvamMoEForCausalLM",
        "modeling_sarvam_moe.SarvamMoEForCausalLM",
    ),
    vocab="auto",
    keys=(
        *all_blocks(DECODER_KEYS),
        Key(VOCAB_KEY.name, "uint32", derive=rows_of("word_embeddings.weight")),
        ROTARY_KEY,
        LEADING_DENSE_KEY,
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        # The loader takes it as many times as there are shared experts.
        Key("{arch}.expert_shared_feed_forward_length", "uint32", _SHARED, at_least=1),
        WEIGHTS_SCALE_KEY,
        SHARED_COUNT_KEY,
        WEIGHTS_NORM_KEY,
        *GROUP_KEYS,
        gating_key("score_function", "scoring_func"),
        NEXTN_KEY,
    ),
    globals=(
        *embedding("word_embeddings"),
        *output(embedding="word_embeddings", copied=True),
    ),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                row(
                    "attn_qkv.weight",
                    "attention.query_key_value.weight",
                    shape=(_fused_width, width),
                ),
                row("attn_output.weight", "attention.dense.weight", shape=(width, query_width)),
                norm("attn_q_norm", "attention.query_layernorm", head_dim),
                norm("attn_k_norm", "attention.key_layernorm", head_dim),
                *dense_then_routed("mlp.gate.expert_bias"),
                *NEXTN_ROWS,
                row("layer_output_norm.weight", "final_layernorm.weight", when=predicting),
            ),
            count=all_layers,
        ),
    ),
    defaults={
        "bailing_moe": {**_CLASS, "partial_rotary_factor": 0.5},
        "bailing_moe_v2": {**_CLASS, "partial_rotary_factor": 0.5},
        "sarvam_moe": {**_CLASS, "partial_rotary_factor": 1.0},
    },
    graph=(
        *decoder_graph(partial=True),
        *DENSE_FIRST,
        Implements("score_function", ("sigmoid", "softmax")),
        Implements("use_qk_norm", (True,)),
        without("norm_head"),
        without("use_bias"),
        without("use_qkv_bias"),
        without("attention_bias"),
    ),
    checks=(*DECODER_CHECKS, routing_problems, shared_problems, heads_fill_the_width),
    remarks=(vocabulary_remark("word_embeddings.weight"),),
    ignored_fields=(
        "moe_router_enable_*",
        "router_dtype",
        "rotary_dim",
        "mtp_*",
        "norm_softmax",
        "use_rmsnorm",
        "use_sliding_window",
        "sliding_window",
        "max_window_layers",
        "topk_method",
        "num_mtp_layers",
    ),
)
