"""MiniCPM 3."""

from __future__ import annotations

from conformance.case import Case, tiny

CLASS = "MiniCPM3ForCausalLM"
SMALL = tiny(
    num_key_value_heads=4,
    q_lora_rank=32,
    kv_lora_rank=32,
    qk_nope_head_dim=16,
    qk_rope_head_dim=16,
)
BASE = {"rope.freq_base": "it says no base; the runtime then takes this one"}
FACTORS = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "short_factor": [1.0 + n / 8 for n in range(8)],
    "long_factor": [1.0 + n / 4 for n in range(8)],
    "original_max_position_embeddings": 16,
}

CASES = (
    Case("tied", CLASS, SMALL, tokenizer="spm", peer_differs=BASE),
    Case(
        "value_length",
        CLASS,
        {**SMALL, "v_head_dim": 24, "tie_word_embeddings": False},
        tokenizer="spm",
        peer_differs={**BASE, "value_length": "the runtime takes the width over the heads"},
    ),
    Case(
        "longrope",
        CLASS,
        {**SMALL, "rope_parameters": FACTORS},
        tokenizer="spm",
        peer_differs={**BASE, "rope.scaling": "it says nothing of the scaling"},
    ),
    Case("scale", CLASS, {**SMALL, "scale_emb": 10}, tokenizer="spm", refused="scale_emb"),
)
