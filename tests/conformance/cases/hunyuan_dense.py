"""Hunyuan V1 without experts."""

from __future__ import annotations

from conformance.case import Case, tiny

CLASS = "HunYuanDenseV1ForCausalLM"
SMALL = tiny(head_dim=32)
ALPHA = {"rope_type": "dynamic", "rope_theta": 10000.0, "alpha": 1000.0, "factor": 1.0}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
# The peer writes the end of text as config.json says it; the tokenizer of the case has no such.
TOKENS = {"eod_token_id": None}

CASES = (
    Case("untied", CLASS, SMALL, changes=TOKENS),
    Case("tied", CLASS, {**tiny(head_dim=16), "tie_word_embeddings": True}, changes=TOKENS),
    Case(
        "alpha",
        CLASS,
        {**SMALL, "rope_parameters": ALPHA, "max_position_embeddings": 32768},
        changes=TOKENS,
    ),
    Case("dynamic", CLASS, {**SMALL, "rope_parameters": DYNAMIC}, refused="rope_type"),
    Case("biases", CLASS, {**SMALL, "attention_bias": True}, refused="attention_bias"),
)
