"""Hunyuan V1 without experts: heads normalised after their rotation."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS
from quantcli.arch.hunyuan import HUNYUAN_GRAPH, HUNYUAN_IGNORED, HUNYUAN_KEYS
from quantcli.arch.keys import heads

HUNYUAN_DENSE = Architecture(
    name="hunyuan-dense",
    hf=("HunYuanDenseV1ForCausalLM",),
    vocab="auto",
    keys=HUNYUAN_KEYS,
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(names=("query_layernorm", "key_layernorm")),
                *swiglu(),
            )
        ),
    ),
    defaults={"hunyuan_v1_dense": {"num_key_value_heads": heads}},
    graph=HUNYUAN_GRAPH,
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
    ignored_fields=HUNYUAN_IGNORED,
)
