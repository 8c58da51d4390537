"""GPT-2: learned positions, fused q/k/v, and weights stored as (inputs, outputs)."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import embedding, output, row
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import Names, gpt_layer, transposed, wide, wide_key
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
    tied_remark,
    vocabulary_remark,
    whole_heads,
    without,
)
from quantcli.arch.sentence import POOLING_KEY

# The class takes the common name for its own; n_ctx, of the first release, it does not read.
_POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx")


def _positions(facts: Facts) -> int:
    return facts.integer(*_POSITIONS)


GPT2 = Architecture(
    name="gpt2",
    hf=("GPT2LMHeadModel", "GPT2Model"),
    vocab="bpe",
    keys=(
        BLOCK_COUNT_KEY,
        context_key(*_POSITIONS),
        WIDTH_KEY,
        wide_key("n_inner"),
        HEADS_KEY,
        NORM_EPSILON_KEY,
        CAUSAL_KEY,
        POOLING_KEY,
    ),
    globals=(
        *embedding("wte"),
        row("position_embd.weight", "wpe.weight", shape=(_positions, width)),
        *output("ln_f", embedding="wte", norm_bias=False),
    ),
    layers=(Stack(transposed(gpt_layer(Names(), inner=wide("n_inner"))), "h.{n}."),),
    prefixes=("transformer.",),
    graph=(
        Implements("activation_function", GELU),
        Implements("scale_attn_weights", (True,)),
        without("scale_attn_by_inverse_layer_idx"),
        *PLAIN,
    ),
    checks=(whole_heads,),
    remarks=(tied_remark, vocabulary_remark("wte.weight")),
    # reorder_and_upcast_attn changes the order of operations, not what they compute; the summary
    # belongs to a head for multiple choice.
    ignored_fields=("reorder_and_upcast_attn", "summary_*", "n_ctx", "n_special", "predict_*"),
)
