"""ERNIE 4.5 with experts."""

from __future__ import annotations

from conformance.case import Case, tiny

EXPERTS = tiny(
    intermediate_size=192,
    num_hidden_layers=3,
    moe_num_experts=4,
    moe_k=2,
    moe_intermediate_size=48,
    moe_num_shared_experts=2,
    moe_layer_start_index=1,
    moe_layer_interval=1,
)
CLASS = "Ernie4_5_MoeForCausalLM"

CASES = (
    Case("experts", CLASS, EXPERTS, tokenizer="spm"),
    Case(
        "stacked",
        CLASS,
        EXPERTS,
        tokenizer="spm",
        layout="stacked",
        peer_fails="it does not know the layout in which today's class holds the experts",
    ),
    Case(
        "shared_length",
        CLASS,
        {**EXPERTS, "moe_num_shared_experts": 1, "tie_word_embeddings": False},
        tokenizer="spm",
        peer_differs={
            "expert_shared_feed_forward_length": "it takes intermediate_size over the key heads",
        },
    ),
    Case("without_shared", CLASS, {**EXPERTS, "moe_num_shared_experts": 0}, tokenizer="spm"),
    Case("interval", CLASS, {**EXPERTS, "moe_layer_interval": 2}, refused="moe_layer_interval"),
    Case("end", CLASS, {**EXPERTS, "moe_layer_end_index": 1}, refused="moe_layer_end_index"),
)
