"""MiniMax M2: experts in every layer, norms over all heads together, part of each head rotated."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, attention, head_norms, norm, output, row
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import (
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    SIGMOID,
    gating_key,
    routed,
    router,
    routing_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import experts, head_dim, inner, key_width, query_width
from quantcli.arch.nextn import further_layers
from quantcli.arch.relations import without
from quantcli.arch.rope import ROTARY_KEY

_Q, _K = head_norms(size=query_width)[0], head_norms(size=key_width)[1]


def _part(facts: Facts) -> float | None:
    """Return the part of each head that is rotated, of which released configs give the length."""
    length = facts.get("rotary_dim")
    return length / head_dim(facts) if isinstance(length, int) else None


MINIMAX_M2 = Architecture(
    name="minimax-m2",
    hf=("MiniMaxM2ForCausalLM",),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        gating_key("scoring_func"),
        ROTARY_KEY,
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *attention(),
                _Q,
                _K,
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(names=("w1", "w3", "w2"), size=inner),
                row("exp_probs_b.bias", "mlp.e_score_correction_bias", shape=(experts,)),
            )
        ),
    ),
    renames=((".block_sparse_moe.", ".mlp."),),
    ignored=(further_layers, "mtp.*"),
    defaults={
        "minimax_m2": {
            **SIGMOID,
            "partial_rotary_factor": _part,
            "moe_intermediate_size": inner,
        }
    },
    graph=(
        *decoder_graph(partial=True),
        Implements("scoring_func", ("sigmoid",)),
        Implements("use_qk_norm", (True,)),
        Implements("qk_norm_type", ("per_layer",)),
        Implements("use_routing_bias", (True,)),
        without("shared_intermediate_size"),
        without("attention_bias"),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("*mtp*", "attn_type_list", "layernorm_*", "router_jitter_noise", "rotary_dim"),
)
