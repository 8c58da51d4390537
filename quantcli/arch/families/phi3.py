"""Phi 3, 3.5 and 4: projections stored as one, long and short rotary factors."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, norm, row
from quantcli.arch.decoders import DECODER_CHECKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner, key_width, query_width, twice, width
from quantcli.arch.phi import PHI_KEYS, PHI_REMARKS
from quantcli.arch.relations import heads_fill_the_width
from quantcli.arch.rope import LONGROPE, LONGROPE_FACTORS


def _fused(facts: Facts) -> int:
    return query_width(facts) + 2 * key_width(facts)


PHI3 = Architecture(
    name="phi3",
    hf=("Phi3ForCausalLM", "Phi3Model", "Phi4MultimodalForCausalLM"),
    vocab="auto",
    keys=PHI_KEYS,
    globals=(*LONGROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                row("attn_qkv.weight", "self_attn.qkv_proj.weight", shape=(_fused, width)),
                row("attn_output.weight", "self_attn.o_proj.weight", shape=(width, query_width)),
                norm("ffn_norm", "post_attention_layernorm"),
                row("ffn_up.weight", "mlp.gate_up_proj.weight", shape=(twice(inner), width)),
                row("ffn_down.weight", "mlp.down_proj.weight", shape=(width, inner)),
            )
        ),
    ),
    graph=decoder_graph(*LONGROPE, partial=True),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=PHI_REMARKS,
)
