"""Llama 4."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.cases.llama import LLAMA3

CLASS = "Llama4ForCausalLM"
EXPERTS = tiny(
    head_dim=32,
    intermediate_size=48,
    intermediate_size_mlp=96,
    num_hidden_layers=5,
    num_local_experts=4,
    num_experts_per_tok=1,
    interleave_moe_layer_step=1,
)
FULL = ["full_attention"] * 5
# A released config lists neither, and the peer looks for the latter.
OLDER = {"no_rope_layers": None, "layer_types": None}

CASES = (
    Case("experts", CLASS, EXPERTS, tokenizer="llama3"),
    Case(
        "dense_between",
        CLASS,
        {**EXPERTS, "interleave_moe_layer_step": 2, "num_experts_per_tok": 2},
        changes=OLDER,
    ),
    Case("llama3_rope", CLASS, {**EXPERTS, "rope_parameters": LLAMA3}),
    Case("tied", CLASS, {**EXPERTS, "tie_word_embeddings": True}),
    Case(
        "many_experts",
        CLASS,
        {
            **EXPERTS,
            "num_hidden_layers": 4,
            "num_local_experts": 128,
            "intermediate_size": 32,
            "use_qk_norm": False,
        },
    ),
    Case("norm", CLASS, {**EXPERTS, "use_qk_norm": False}, refused="use_qk_norm"),
    Case("full", CLASS, {**EXPERTS, "layer_types": FULL}, refused="layer_types"),
    Case("tuning", CLASS, {**EXPERTS, "attn_temperature_tuning": False}, refused="temperature"),
    Case("chunks", CLASS, {**EXPERTS, "attention_chunk_size": 16}, refused="attention_chunk_size"),
    Case("moe_layers", CLASS, {**EXPERTS, "moe_layers": [0, 2, 3, 4]}, refused="moe_layers"),
)
