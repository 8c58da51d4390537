"""Command with routed experts."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _config(**changes: Any) -> dict[str, Any]:
    return tiny(
        num_experts=4,
        num_experts_per_tok=2,
        **{"head_dim": 16, "sliding_window": 8, "num_hidden_layers": 5, **changes},
    )


CASES = (
    Case("experts", "Cohere2MoeForCausalLM", _config()),
    Case("untied", "Cohere2MoeForCausalLM", _config(tie_word_embeddings=False, head_dim=32)),
    Case(
        "stacked",
        "Cohere2MoeForCausalLM",
        _config(),
        layout="stacked",
        peer_differs={"_exps": "its names lack their ending, so that the runtime misses them"},
    ),
    Case(
        "sigmoid",
        "Cohere2MoeForCausalLM",
        _config(
            expert_selection_fn="sigmoid",
            norm_topk_prob=False,
            num_shared_experts=2,
            first_k_dense_replace=2,
            prefix_dense_intermediate_size=80,
        ),
    ),
    Case(
        "softmax_said_apart",
        "Cohere2MoeForCausalLM",
        _config(norm_topk_prob=False),
        peer_differs={"expert_weights_norm": "the class's softmax is over the chosen experts"},
    ),
    Case("rms_norms", "Cohere2MoeForCausalLM", _config(rms_norm_eps=1e-5)),
    Case(
        "sum",
        "Cohere2MoeForCausalLM",
        _config(num_shared_experts=1, shared_expert_combination_strategy="sum"),
        refused="shared_expert_combination_strategy",
    ),
    Case(
        "windows_first",
        "Cohere2MoeForCausalLM",
        _config(
            first_k_dense_replace=2,
            prefix_dense_intermediate_size=80,
            prefix_dense_sliding_window_pattern=2,
        ),
        refused="prefix_dense_sliding_window_pattern is 2",
    ),
)
