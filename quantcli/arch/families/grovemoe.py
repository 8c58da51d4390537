"""GroveMoE: Qwen 3 MoE whose experts come in pairs that share a smaller one."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, norm
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
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import experts, head_dim, width
from quantcli.arch.relations import without

# Numbers that the model's code has and its config does not.
_GROUP, _SCALE = 2, 0.05


def _pairs(facts: Facts) -> int:
    return experts(facts) // _GROUP


def _of_pairs(name: str, part: str) -> Row:
    turned = part == "down_proj"
    return Row(
        f"ffn_{name}_chexps.weight",
        (f"mlp.chunk_experts.{{i}}.{part}.weight",),
        "stack",
        each=_pairs,
        shape=(_pairs, width, head_dim) if turned else (_pairs, head_dim, width),
    )


GROVEMOE = Architecture(
    name="grovemoe",
    hf=("GroveMoeForCausalLM", "modeling_grove_moe.GroveMoeForCausalLM"),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        Key("{arch}.expert_chunk_feed_forward_length", "uint32", derive=head_dim),
        Key("{arch}.experts_per_group", "uint32", derive=lambda facts: _GROUP),
        Key("{arch}.expert_group_scale", "float32", derive=lambda facts: _SCALE),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(),
                _of_pairs("gate", "gate_proj"),
                _of_pairs("up", "up_proj"),
                _of_pairs("down", "down_proj"),
            )
        ),
    ),
    # The model's code does not use it.
    ignored=("layers.*.mlp.expert_bias", "layers.*.mlp.gate.expert_bias"),
    defaults={
        "grove_moe": {"norm_topk_prob": True, "hidden_act": "silu", "tie_word_embeddings": False}
    },
    graph=(
        *QWEN_GRAPH,
        without("attention_bias"),
        Implements("norm_topk_prob", (True,)),
        *EVERY_LAYER_SPARSE,
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=(*DECODER_REMARKS, qwen_window_remark),
)
