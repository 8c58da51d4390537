"""Phi 1, 1.5 and 2: one norm, both halves in parallel, biases everywhere, a part rotated."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, affine, attention, output, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, NORM_KEYS, decoder_graph
from quantcli.arch.keys import width
from quantcli.arch.relations import GELU, heads_fill_the_width, without
from quantcli.arch.rope import ROTARY_KEY, sparing

_NAMES = ("q_proj", "k_proj", "v_proj", "dense")

PHI2 = Architecture(
    name="phi2",
    hf=("PhiForCausalLM", "PhiModel"),
    vocab="auto",
    keys=(*sparing(NORM_KEYS), ROTARY_KEY),
    globals=(*EMBEDDING, *output("final_layernorm", norm_bias=False, bias=False, copied=True)),
    layers=(
        Stack(
            (
                *affine("attn_norm", "input_layernorm", shape=(width,)),
                *attention(biases=False, output_bias=False, names=_NAMES, norm_source=""),
                *swiglu(biases=False, names=("", "fc1", "fc2"), norm_source=""),
            )
        ),
    ),
    defaults={"phi": {"partial_rotary_factor": 0.5}},
    graph=(
        *decoder_graph(partial=True, activation=Implements("hidden_act", GELU)),
        without("qk_layernorm"),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
