"""OLMoE."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _config(**changes: Any) -> dict[str, Any]:
    return tiny(num_experts=4, num_experts_per_tok=2, **{"num_key_value_heads": 4, **changes})


CASES = (
    Case("experts", "OlmoeForCausalLM", _config()),
    Case(
        "stacked",
        "OlmoeForCausalLM",
        _config(),
        layout="stacked",
        peer_fails="it wants a tensor each",
    ),
    Case(
        "grouped",
        "OlmoeForCausalLM",
        _config(num_key_value_heads=2),
        refused="num_key_value_heads is 2; .* only 4",
    ),
    Case("clipped", "OlmoeForCausalLM", _config(clip_qkv=1.0), refused="clip_qkv"),
    Case("normalised", "OlmoeForCausalLM", _config(norm_topk_prob=True), refused="norm_topk_prob"),
)
