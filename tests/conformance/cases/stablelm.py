"""StableLM."""

from __future__ import annotations

from conformance.case import Case, tiny

TIED = "llama.cpp does not load the file without output.weight, so the embedding is copied"

CASES = (
    Case("sequential", "StableLmForCausalLM", tiny()),
    Case(
        "biases",
        "StableLmForCausalLM",
        tiny(use_qkv_bias=True, num_key_value_heads=4),
    ),
    Case(
        "parallel",
        "StableLmForCausalLM",
        tiny(use_parallel_residual=True, qk_layernorm=True),
        peer_fails="it collects the norms of the heads and never writes them",
    ),
    Case(
        "rotary",
        "StableLmForCausalLM",
        tiny(
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 500.0,
                "partial_rotary_factor": 0.5,
            }
        ),
        peer_differs={"rope.freq_base$": "it takes 10000 for granted"},
    ),
    Case(
        "tied",
        "StableLmForCausalLM",
        tiny(tie_word_embeddings=True),
        peer_differs={"^output.weight$": TIED},
    ),
    Case("gelu", "StableLmForCausalLM", tiny(hidden_act="gelu"), refused="hidden_act"),
)
