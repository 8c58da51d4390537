"""Granite 3 MoE: Granite with routed experts, in some with a shared one."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, halves, norm, row, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS
from quantcli.arch.experts import EXPERT_KEYS, router
from quantcli.arch.facts import Facts
from quantcli.arch.granite import GRANITE_ATTENTION, GRANITE_GRAPH, GRANITE_KEYS
from quantcli.arch.keys import experts, inner, width
from quantcli.arch.relations import where
from quantcli.arch.rope import ROPE_FACTORS, longrope_remark

_SHARED = "shared_intermediate_size"


def _shared(facts: Facts) -> int:
    return facts.integer(_SHARED)


_EXPERTS = (
    router("block_sparse_moe.router.layer"),
    *halves(
        ("ffn_gate_exps.weight", "ffn_up_exps.weight"),
        "block_sparse_moe.input_linear.weight",
        inner,
        (experts,),
    ),
    row(
        "ffn_down_exps.weight",
        "block_sparse_moe.output_linear.weight",
        shape=(experts, width, inner),
    ),
)
_SHARED_EXPERT = (
    *halves(
        ("ffn_gate_shexp.weight", "ffn_up_shexp.weight"), "shared_mlp.input_linear.weight", _shared
    ),
    row("ffn_down_shexp.weight", "shared_mlp.output_linear.weight", shape=(width, _shared)),
)

GRANITEMOE = Architecture(
    name="granitemoe",
    hf=(
        "GraniteMoeForCausalLM",
        "GraniteMoeSharedForCausalLM",
        "GraniteMoeModel",
        "GraniteMoeSharedModel",
    ),
    vocab="llama",
    keys=(
        *GRANITE_KEYS,
        *EXPERT_KEYS,
        Key(
            "{arch}.expert_shared_feed_forward_length",
            "uint32",
            derive=lambda facts: facts.get(_SHARED) or None,
        ),
    ),
    globals=(*ROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *GRANITE_ATTENTION,
                norm("ffn_norm", "post_attention_layernorm"),
                *_EXPERTS,
                *switched(_SHARED_EXPERT, where(_SHARED)),
            )
        ),
    ),
    graph=GRANITE_GRAPH,
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, longrope_remark),
)
