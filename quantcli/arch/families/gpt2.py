"""GPT-2: learned positions, fused q/k/v, and weights stored as (inputs, outputs)."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Count, Implements, Key, Row, Stack
from quantcli.arch.blocks import affine, optional, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    CAUSAL_KEY,
    HEADS_KEY,
    NORM_EPSILON_KEY,
    WIDTH_KEY,
    context_key,
    width,
)
from quantcli.arch.relations import (
    GELU,
    PLAIN,
    headless,
    rows_of,
    tied_remark,
    vocabulary_remark,
    whole_heads,
    without,
)
from quantcli.arch.sentence import POOLING_KEY

# The class takes the common name for its own; n_ctx, of the first release, it does not read.
_POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx")
_EMBEDDING = "wte.weight"


def _inner(facts: Facts) -> int:
    """Return the inner width: said, or four times the width."""
    return facts.integer("n_inner") if facts.get("n_inner") else 4 * width(facts)


def _positions(facts: Facts) -> int:
    return facts.integer(*_POSITIONS)


def _fused(facts: Facts) -> int:
    """Return the length of queries, keys and values together."""
    return 3 * width(facts)


def _conv1d(name: str, source: str, outputs: Count, inputs: Count) -> tuple[Row, ...]:
    """Return the rows of a Conv1D layer: its matrix transposed, its bias as it is."""
    return (
        row(f"{name}.weight", f"{source}.weight", "transpose", shape=(outputs, inputs)),
        row(f"{name}.bias", f"{source}.bias", shape=(outputs,)),
    )


GPT2 = Architecture(
    name="gpt2",
    hf=("GPT2LMHeadModel",),
    vocab="bpe",
    keys=(
        BLOCK_COUNT_KEY,
        context_key(*_POSITIONS),
        WIDTH_KEY,
        Key("{arch}.feed_forward_length", "uint32", derive=_inner, at_least=1),
        HEADS_KEY,
        NORM_EPSILON_KEY,
        CAUSAL_KEY,
        POOLING_KEY,
    ),
    globals=(
        row("token_embd.weight", _EMBEDDING, shape=(None, width)),
        row("position_embd.weight", "wpe.weight", shape=(_positions, width)),
        *affine("output_norm", "ln_f", shape=(width,)),
        optional(
            "output.weight", "lm_head.weight", shape=(rows_of(_EMBEDDING), width), absent=headless
        ),
    ),
    layers=(
        Stack(
            (
                *affine("attn_norm", "ln_1", shape=(width,)),
                *_conv1d("attn_qkv", "attn.c_attn", _fused, width),
                *_conv1d("attn_output", "attn.c_proj", width, width),
                *affine("ffn_norm", "ln_2", shape=(width,)),
                *_conv1d("ffn_up", "mlp.c_fc", _inner, width),
                *_conv1d("ffn_down", "mlp.c_proj", width, _inner),
            ),
            "h.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    graph=(
        Implements("activation_function", GELU),
        Implements("scale_attn_weights", (True,)),
        without("scale_attn_by_inverse_layer_idx"),
        *PLAIN,
    ),
    checks=(whole_heads,),
    remarks=(tied_remark, vocabulary_remark(_EMBEDDING)),
    # reorder_and_upcast_attn changes the order of operations, not what they compute; the summary
    # belongs to a head for multiple choice.
    ignored_fields=("reorder_and_upcast_attn", "summary_*", "n_ctx", "n_special", "predict_*"),
)
