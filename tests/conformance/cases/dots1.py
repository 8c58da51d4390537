"""dots.llm1."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "Dots1ForCausalLM"
_SCORING = {
    "expert_gating_func": "the class's router has sigmoids, of which its config says nothing; "
    "llama.cpp aborts on the converter's file"
}


def _small(**changes: Any) -> dict[str, Any]:
    routing = {"n_routed_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}
    both = {**routing, "n_shared_experts": 2, "first_k_dense_replace": 1}
    return tiny(num_key_value_heads=4, norm_topk_prob=True, **both) | changes


CASES = (
    Case("plain", _HF, _small(routed_scaling_factor=2.5), peer_differs=_SCORING),
    Case("scoring_said", _HF, _small(n_group=4, topk_group=2), changes={"scoring_func": "sigmoid"}),
    Case(
        "tied_not_normalised",
        _HF,
        _small(tie_word_embeddings=True, norm_topk_prob=False),
        peer_differs={
            **_SCORING,
            r"^output\.weight": "llama.cpp does not load the converter's file, which lacks it",
        },
    ),
    Case(
        "windows",
        _HF,
        _small(sliding_window=64, max_window_layers=1),
        noted="sliding_window is 64",
        peer_differs=_SCORING,
    ),
    Case("grouped", _HF, _small(num_key_value_heads=2), refused="num_key_value_heads"),
    Case("biases", _HF, _small(attention_bias=True), refused="attention_bias"),
)
