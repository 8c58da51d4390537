"""Nemotron and Minitron: norms stored as their difference from 1, squared ReLU without gate."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, affine, attention, output, plus_one, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    VOCAB_KEY,
    decoder_graph,
)
from quantcli.arch.keys import width
from quantcli.arch.relations import heads_fill_the_width, unless
from quantcli.arch.rope import ROTARY_KEY, said_type

_ATTENTION = unless("attention_bias")

NEMOTRON = Architecture(
    name="nemotron",
    hf=("NemotronForCausalLM", "NemotronModel"),
    vocab="auto",
    keys=(
        *said_type(DECODER_KEYS),
        Key("{arch}.attention.layer_norm_epsilon", "float32", ("norm_eps",), required=True),
        VOCAB_KEY,
        ROTARY_KEY,
    ),
    globals=(*EMBEDDING, *plus_one(output(norm_bias=False, copied=True))),
    layers=(
        Stack(
            plus_one(
                (
                    *affine("attn_norm", "input_layernorm", shape=(width,)),
                    *attention(biases=_ATTENTION, output_bias=_ATTENTION, norm_source=""),
                    *affine("ffn_norm", "post_attention_layernorm", shape=(width,)),
                    *swiglu(
                        biases=unless("mlp_bias"),
                        names=("", "up_proj", "down_proj"),
                        norm_source="",
                    ),
                )
            )
        ),
    ),
    defaults={"nemotron": {"partial_rotary_factor": 0.5}},
    graph=decoder_graph(partial=True, activation=Implements("hidden_act", ("relu2",))),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
