"""Qwen 1.5 and 2 MoE: Qwen 2 with routed experts and a gated shared one."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, output, row
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    QWEN_GRAPH,
    qwen_window_remark,
)
from quantcli.arch.experts import (
    EVERY_LAYER_SPARSE,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    routed,
    router,
    routing_problems,
    shared,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import width

_SHARED = "shared_expert_intermediate_size"


def _shared(facts: Facts) -> int:
    return facts.integer(_SHARED)


QWEN2MOE = Architecture(
    name="qwen2moe",
    hf=("Qwen2MoeForCausalLM", "Qwen2MoeModel"),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        Key("{arch}.expert_shared_feed_forward_length", "uint32", (_SHARED,), at_least=1),
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *attention(),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(),
                *shared(size=_shared),
                row(
                    "ffn_gate_inp_shexp.weight",
                    "mlp.shared_expert_gate.weight",
                    shape=(None, width),
                ),
            )
        ),
    ),
    graph=(
        *QWEN_GRAPH,
        Implements("norm_topk_prob", (False,)),
        *EVERY_LAYER_SPARSE,
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=(*DECODER_REMARKS, qwen_window_remark),
)
