"""Hunyuan V1 with experts and a feed-forward beside them, all of one inner length."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, norm
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS
from quantcli.arch.experts import EXPERT_COUNT_KEY, routed, router, routing_problems, shared
from quantcli.arch.hunyuan import HUNYUAN_GRAPH, HUNYUAN_IGNORED, HUNYUAN_KEYS
from quantcli.arch.keys import heads, inner
from quantcli.arch.relations import one_of_all, uneven

_USED = ("moe_topk", "num_experts_per_tok")

HUNYUAN_MOE = Architecture(
    name="hunyuan-moe",
    hf=("HunYuanMoEV1ForCausalLM",),
    vocab="auto",
    keys=(
        *HUNYUAN_KEYS,
        EXPERT_COUNT_KEY,
        Key("{arch}.expert_shared_feed_forward_length", "uint32", derive=inner),
        Key("{arch}.expert_feed_forward_length", "uint32", derive=inner, at_least=1),
        Key("{arch}.expert_used_count", "uint32", derive=one_of_all(*_USED), at_least=1),
        Key("{arch}.expert_shared_count", "uint32", derive=one_of_all("num_shared_expert")),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(names=("query_layernorm", "key_layernorm")),
                norm("ffn_norm", "post_attention_layernorm"),
                router("mlp.gate.wg"),
                *routed(size=inner),
                *shared("mlp.shared_mlp.", size=inner),
            )
        ),
    ),
    defaults={"hunyuan_v1_moe": {"num_key_value_heads": heads}},
    graph=(
        *HUNYUAN_GRAPH,
        uneven(*_USED),
        Implements(
            "moe_intermediate_size",
            (None,),
            lambda facts: (
                None
                if one_of_all("moe_intermediate_size")(facts) in (None, inner(facts))
                else facts.get("moe_intermediate_size")
            ),
        ),
        Implements("num_shared_expert", (1, None), one_of_all("num_shared_expert")),
        Implements("use_mixed_mlp_moe", (True,)),
        Implements("moe_layer_num_skipped", (0,)),
        Implements("norm_topk_prob", (True, None)),
        Implements("routed_scaling_factor", (1, None, False)),
        Implements("group_limited_greedy", (False, None)),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=HUNYUAN_IGNORED,
)
