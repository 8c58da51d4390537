"""MiniCPM, whose class only remote code has; Granite computes the same."""

from __future__ import annotations

import math

from conformance.case import Case, Twin, tiny
from conformance.shapes import HEAD, decoder, llama_layer

CLASS = "MiniCPMForCausalLM"
SMALL = tiny(rms_norm_eps=1e-5)
CONFIG = {
    "model_type": "minicpm",
    **SMALL,
    "hidden_act": "silu",
    "scale_emb": 12,
    "scale_depth": 1.4,
    "dim_model_base": 32,
    "tie_word_embeddings": True,
}
GRANITE = {
    **SMALL,
    "embedding_multiplier": 12.0,
    "residual_multiplier": 1.4 / math.sqrt(2),
    "logits_scaling": 2.0,
    "attention_multiplier": HEAD**-0.5,
    "tie_word_embeddings": True,
}
SHAPES = decoder("spm", llama_layer(), names=("model.embed_tokens", "model.norm", ""))
FACTORS = {
    "type": "longrope",
    "short_factor": [1.0 + n / 8 for n in range(8)],
    "long_factor": [1.0 + n / 4 for n in range(8)],
    "original_max_position_embeddings": 128,
}

CASES = (
    Case(
        "tied",
        CLASS,
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        twin=Twin("GraniteForCausalLM", GRANITE, dict),
    ),
    Case(
        "longrope",
        CLASS,
        {**CONFIG, "rope_scaling": FACTORS},
        tokenizer="spm",
        shapes=SHAPES,
        peer_differs={"original_context_length": "without it the runtime takes the context"},
    ),
    Case(
        "experts",
        CLASS,
        {**CONFIG, "num_experts": 8},
        tokenizer="spm",
        shapes=SHAPES,
        refused="num_ex",
    ),
)
