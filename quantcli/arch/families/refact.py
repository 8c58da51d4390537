"""Refact: one key head, linear biases, a gated feed-forward of a length that no field says.

Longer than most, as neither its keys nor its tensors are those of other decoders.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import embedding, halves, norm, output, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    HEADS_KEY,
    WIDTH_KEY,
    context_key,
    head_dim,
    query_width,
    width,
)
from quantcli.arch.relations import PLAIN, SILU, tied_remark, vocabulary_remark, whole_heads

_MULTIPLE = 256


def _inner(facts: Facts) -> int:
    """Return two thirds of four times the width, rounded up to a multiple of 256."""
    return -(-int(2 * 4 * width(facts) / 3) // _MULTIPLE) * _MULTIPLE


def _double(facts: Facts) -> int:
    return 2 * head_dim(facts)


REFACT = Architecture(
    name="refact",
    hf=("GPTRefactForCausalLM",),
    vocab="auto",
    keys=(
        context_key("n_positions"),
        WIDTH_KEY,
        Key("{arch}.feed_forward_length", "uint32", derive=_inner, at_least=1),
        BLOCK_COUNT_KEY,
        HEADS_KEY,
        Key("{arch}.attention.head_count_kv", "uint32", derive=lambda facts: 1),
        Key(
            "{arch}.attention.layer_norm_rms_epsilon",
            "float32",
            ("layer_norm_epsilon",),
            required=True,
            above=0,
        ),
    ),
    globals=(*embedding("wte"), *output("ln_f", embedding="wte")),
    layers=(
        Stack(
            (
                norm("attn_norm", "ln_1"),
                row("attn_q.weight", "attn.q.weight", shape=(query_width, width)),
                *(
                    row(
                        f"attn_{name}.weight",
                        "attn.kv.weight",
                        "pick",
                        1,
                        first,
                        end,
                        shape=(head_dim, width),
                    )
                    for name, first, end in (
                        ("k", lambda facts: 0, head_dim),
                        ("v", head_dim, _double),
                    )
                ),
                row("attn_output.weight", "attn.c_proj.weight", shape=(width, query_width)),
                norm("ffn_norm", "ln_2"),
                *halves(("ffn_gate.weight", "ffn_up.weight"), "mlp.gate_up_proj.weight", _inner),
                row("ffn_down.weight", "mlp.c_proj.weight", shape=(width, _inner)),
            ),
            prefix="h.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    # How its own code fuses infilling: no field of config.json says these tokens.
    vocab_keys=(
        Key("tokenizer.ggml.prefix_token_id", "uint32", derive=lambda facts: 1),
        Key("tokenizer.ggml.suffix_token_id", "uint32", derive=lambda facts: 3),
        Key("tokenizer.ggml.middle_token_id", "uint32", derive=lambda facts: 2),
    ),
    graph=(
        SILU,
        *PLAIN,
        Implements("multi_query", (True,)),
    ),
    checks=(whole_heads,),
    remarks=(tied_remark, vocabulary_remark("wte.weight")),
    ignored_fields=(
        "activation_function",
        "attention_softmax_in_fp32",
        "scale_attention_softmax_in_fp32",
        "attention_bias_in_fp32",
        "attn_impl",
        "inference_runner",
        "layer_norm_epsilon",
        "max_*",
        "n_inner",
        "num_key_value_heads",
        "pad_key_length",
        "pre_allocate_kv_cache",
        "do_sample",
        "scale_attn_weights",
        "summary_*",
        "validate_runner_input",
    ),
)
