"""ChatGLM 2 to 4 and GLM: half of each head rotated by pairs, gate and up projection in one."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import (
    attention,
    embedding,
    has,
    lacks,
    linear,
    norm,
    output,
    row,
    switched,
)
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner, key_width, query_width, width
from quantcli.arch.relations import heads_fill_the_width, unless, without
from quantcli.arch.rope import ROTARY_KEY

# The checkpoints of transformers' class have projections apart, those of remote code have one.
_APART, _FUSED = (test("layers.0.self_attention.query_key_value.weight") for test in (lacks, has))


def _double(facts: Facts) -> int:
    return 2 * inner(facts)


def _fused_width(facts: Facts) -> int:
    return query_width(facts) + 2 * key_width(facts)


def _theta(facts: Facts) -> float:
    """Return the base of the rotary embedding, in which remote code has a factor."""
    return 10000.0 * (facts.number("rope_ratio") if facts.get("rope_ratio") else 1)


def _groups(facts: Facts) -> int:
    """Return the number of key heads of remote code."""
    shared = facts.get("multi_query_attention")
    return facts.integer("multi_query_group_num" if shared else "num_attention_heads")


_FUSED_ROWS = (
    norm("attn_norm", "input_layernorm"),
    *linear("attn_qkv", "self_attention.query_key_value", shape=(_fused_width, width)),
    row("attn_output.weight", "self_attention.dense.weight", shape=(width, width)),
    norm("ffn_norm", "post_attention_layernorm"),
    row("ffn_up.weight", "mlp.dense_h_to_4h.weight", shape=(_double, width)),
    row("ffn_down.weight", "mlp.dense_4h_to_h.weight", shape=(width, inner)),
)
_ROWS = (
    *attention(biases=unless("attention_bias")),
    norm("ffn_norm", "post_attention_layernorm"),
    row("ffn_up.weight", "mlp.gate_up_proj.weight", shape=(_double, width)),
    row("ffn_down.weight", "mlp.down_proj.weight", shape=(width, inner)),
)

CHATGLM = Architecture(
    name="chatglm",
    hf=(
        "GlmForCausalLM",
        "GlmModel",
        "ChatGLMModel",
        "ChatGLMForConditionalGeneration",
    ),
    vocab="glm4",
    # The loader takes heads that fill the width for granted.
    keys=(*(key for key in DECODER_KEYS if key.fields != ("head_dim",)), ROTARY_KEY),
    globals=(
        *switched((*embedding(), *output()), _APART),
        *switched(
            (
                *embedding("embedding.word_embeddings"),
                *output(
                    "final_layernorm", embedding="embedding.word_embeddings", head="output_layer"
                ),
            ),
            _FUSED,
        ),
    ),
    layers=(Stack((*switched(_FUSED_ROWS, _FUSED), *switched(_ROWS, _APART))),),
    prefixes=("model.", "transformer.", "encoder."),
    defaults={
        "glm": {"partial_rotary_factor": 0.5},
        "chatglm": {
            "partial_rotary_factor": 0.5,
            "rope_theta": _theta,
            "num_key_value_heads": _groups,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "intermediate_size": lambda facts: facts.integer("ffn_hidden_size"),
            "max_position_embeddings": lambda facts: facts.integer("seq_length"),
            "rms_norm_eps": lambda facts: facts.get("layernorm_epsilon") or 1e-5,
            "head_dim": lambda facts: facts.integer("kv_channels"),
        },
    },
    graph=(
        *decoder_graph(partial=True),
        without("add_bias_linear"),
        without("apply_residual_connection_post_layernorm"),
        without("prefix_projection"),
        without("pre_seq_len"),
        without("quantization_bit"),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
    ignored_fields=(
        "rmsnorm",
        "post_layer_norm",
        "original_rope",
        "fp32_residual_connection",
        "bias_dropout_fusion",
        "attention_softmax_in_fp32",
        "apply_query_key_layer_scaling",
        "classifier_*",
        "interleaved_qkv",
        "padded_vocab_size",
        "add_qkv_bias",
    ),
)
