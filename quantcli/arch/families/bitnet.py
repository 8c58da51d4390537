"""BitNet b1.58 as 1bitLLM made it: weights of three values, norms before the last matrices."""

from __future__ import annotations

from dataclasses import replace

from quantcli.arch.architecture import Architecture, Implements, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, output, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner, replaced
from quantcli.arch.relations import heads_fill_the_width, without


def _rounding(facts: Facts) -> bool:
    """Tell whether the class rounds its weights; transformers' leaves that to its quantizer."""
    return facts.hf == "BitnetForCausalLM"


def _matrices(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows without biases, matrices rounded where the class does so."""
    rows = tuple(row for row in rows if row.name.endswith(".weight"))
    matrices = tuple(row for row in rows if not row.name.endswith("norm.weight"))
    rounded = tuple(replace(row, op="ternary") for row in matrices)
    return (
        *(row for row in rows if row not in matrices),
        *switched(rounded, _rounding),
        *switched(matrices, lambda facts: not _rounding(facts)),
    )


BITNET = Architecture(
    name="bitnet",
    hf=("BitnetForCausalLM", "BitNetForCausalLM"),
    vocab="auto",
    keys=replaced(
        DECODER_KEYS,
        # What llama.cpp's converter says of every BitNet: no stretch.
        Key("{arch}.rope.scaling.type", "string", derive=lambda facts: "linear"),
        Key("{arch}.rope.scaling.factor", "float32", derive=lambda facts: 1.0),
    ),
    globals=(*EMBEDDING, *output()[:1]),
    layers=(
        Stack(
            (
                *_matrices(attention()),
                norm("attn_sub_norm", "self_attn.attn_sub_norm"),
                *_matrices(swiglu()),
                norm("ffn_sub_norm", "mlp.ffn_sub_norm", inner),
            )
        ),
    ),
    renames=((".inner_attn_ln.", ".attn_sub_norm."), (".ffn_layernorm.", ".ffn_sub_norm.")),
    # The graph takes the embedding for the output layer; some checkpoints store it twice.
    ignored=("lm_head.weight",),
    graph=(
        *decoder_graph(),
        Implements("rope_scaling.rope_type", ("", "default"), lambda f: f.rope("rope_type") or ""),
        Implements("tie_word_embeddings", (True, None)),
        without("attention_bias"),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
    ignored_fields=("weight_bits", "input_bits"),
)
