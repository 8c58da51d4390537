"""Hunyuan V1 with experts."""

from __future__ import annotations

from conformance.case import Case, tiny

CLASS = "HunYuanMoEV1ForCausalLM"
# The released configs say these for every layer; the peer wants them, transformers does not.
LISTS = {"moe_intermediate_size": [96, 96], "num_shared_expert": [1, 1], "moe_topk": [2, 2]}
EXPERTS = tiny(head_dim=32, num_experts=4, moe_topk=2)
ALPHA = {"rope_type": "dynamic", "rope_theta": 10000.0, "alpha": 1000.0, "factor": 1.0}

CASES = (
    Case("experts", CLASS, EXPERTS, changes=LISTS),
    Case(
        "stacked",
        CLASS,
        {**EXPERTS, "tie_word_embeddings": True},
        layout="stacked",
        peer_fails="it does not know the layout in which today's class holds the experts",
    ),
    Case(
        "alpha",
        CLASS,
        {
            **EXPERTS,
            "hidden_size": 256,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 128,
            "rope_parameters": ALPHA,
            "max_position_embeddings": 32768,
        },
        changes=LISTS,
    ),
    Case("uneven", CLASS, EXPERTS, changes={"moe_topk": [2, 1]}, refused="moe_topk"),
    Case(
        "other_length",
        CLASS,
        EXPERTS,
        changes={"moe_intermediate_size": [64, 64]},
        refused="moe_intermediate_size",
    ),
)
