"""Granite 3 and 4, dense: Llama with multipliers on embedding, residual, attention and logits."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, has, norm, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS
from quantcli.arch.granite import (
    GRANITE_ATTENTION,
    GRANITE_GRAPH,
    GRANITE_IGNORED,
    GRANITE_KEYS,
    HYBRID,
    all_dense,
    shared_mlp,
)
from quantcli.arch.recurrent import other
from quantcli.arch.relations import unless
from quantcli.arch.rope import ROPE_FACTORS, longrope_remark

_FUSED = has("layers.{n}.shared_mlp.input_linear.weight")
_APART = swiglu(norm_source="", biases=unless("mlp_bias"))

GRANITE = Architecture(
    name="granite",
    hf=("GraniteForCausalLM", "GraniteModel", HYBRID),
    partly={HYBRID: all_dense},
    vocab="llama",
    keys=GRANITE_KEYS,
    globals=(*ROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *GRANITE_ATTENTION,
                norm("ffn_norm", "post_attention_layernorm"),
                *switched(_APART, other(_FUSED)),
                *switched(shared_mlp(), _FUSED),
            )
        ),
    ),
    graph=GRANITE_GRAPH,
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, longrope_remark),
    ignored_fields=GRANITE_IGNORED,
)
