"""EXAONE 4."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.cases.llama import LLAMA3

CLASS = "Exaone4ForCausalLM"
FULL = ["full_attention", "full_attention"]
SMALL = {**tiny(), "sliding_window": None, "layer_types": FULL}
DEEP = tiny(
    hidden_size=32,
    intermediate_size=32,
    num_hidden_layers=64,
    sliding_window=8,
    num_attention_heads=2,
)

CASES = (
    Case("untied", CLASS, SMALL),
    Case(
        "llama3_rope",
        CLASS,
        {**SMALL, "rope_parameters": LLAMA3, "tie_word_embeddings": True},
    ),
    Case(
        "sliding_window",
        CLASS,
        DEEP,
        peer_differs={"sliding_window_pattern": "it says what the loader takes for granted"},
    ),
    Case("few_layers", CLASS, tiny(sliding_window=8), refused="sliding_window"),
    Case(
        "no_window",
        CLASS,
        {**DEEP, "sliding_window": None, "layer_types": 32 * FULL},
        refused="sliding_window",
    ),
    Case(
        "irregular",
        CLASS,
        {**DEEP, "layer_types": ["sliding_attention"] * 3 + ["full_attention"] * 61},
        refused="layer_types",
    ),
)
