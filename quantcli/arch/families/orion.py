"""Orion: Llama whose norms subtract the mean, heads rotated in halves."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import EMBEDDING, affine, attention, output, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_REMARKS,
    LAYOUT_KEY,
    NORM_KEYS,
    decoder_graph,
)
from quantcli.arch.keys import RMS_EPSILON, context_key, replaced, width
from quantcli.arch.relations import heads_fill_the_width

ORION = Architecture(
    name="orion",
    hf=("OrionForCausalLM",),
    vocab="auto",
    keys=(
        *replaced(
            NORM_KEYS,
            context_key("max_sequence_length", "max_position_embeddings", "model_max_length"),
            # The config calls it after norms that the model does not have.
            Key(
                "{arch}.attention.layer_norm_epsilon",
                "float32",
                RMS_EPSILON,
                required=True,
                above=0,
            ),
        ),
        LAYOUT_KEY,
    ),
    globals=(*EMBEDDING, *output(norm_bias=False, copied=True)),
    layers=(
        Stack(
            (
                *affine("attn_norm", "input_layernorm", shape=(width,)),
                *attention(norm_source=""),
                *affine("ffn_norm", "post_attention_layernorm", shape=(width,)),
                *swiglu(norm_source=""),
            )
        ),
    ),
    graph=decoder_graph(),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
