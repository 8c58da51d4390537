"""OLMoE: routed experts whose weights are not normalised, one norm over all heads."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, output
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import EXPERT_KEYS, routed, router
from quantcli.arch.keys import heads, query_width
from quantcli.arch.relations import heads_fill_the_width, without

OLMOE = Architecture(
    name="olmoe",
    hf=("OlmoeForCausalLM", "OlmoeModel"),
    vocab="auto",
    keys=(*DECODER_KEYS, *EXPERT_KEYS),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *attention(),
                norm("attn_q_norm", "self_attn.q_norm", query_width),
                norm("attn_k_norm", "self_attn.k_norm", query_width),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(),
            )
        ),
    ),
    graph=(
        *decoder_graph(),
        without("attention_bias"),
        without("clip_qkv"),
        Implements("norm_topk_prob", (False,)),
        # The runtime wants as many numbers in the norm of the keys as in that of the queries.
        Implements("num_key_value_heads", lambda facts: (heads(facts), None)),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
