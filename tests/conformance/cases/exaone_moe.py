"""K-EXAONE."""

from __future__ import annotations

from conformance.case import Case, tiny

CLASS = "ExaoneMoeForCausalLM"
EXPERTS = tiny(
    head_dim=32,
    num_hidden_layers=5,
    num_experts=8,
    num_experts_per_tok=2,
    moe_intermediate_size=48,
    num_shared_experts=2,
    sliding_window=8,
)
# What the released config says, and the peer needs.
RELEASED = {"architectures": ["ExaoneMoEForCausalLM"], "scoring_func": "sigmoid"}
STACKED = "it does not know the layout in which today's class holds the experts"
PERIOD = {"sliding_window_pattern": "it says what the loader takes for granted"}

CASES = (
    Case("experts", CLASS, EXPERTS, changes=RELEASED, peer_differs=PERIOD),
    Case(
        "stacked", CLASS, {**EXPERTS, "norm_topk_prob": False}, layout="stacked", peer_fails=STACKED
    ),
    Case(
        "period",
        CLASS,
        {**EXPERTS, "sliding_window_pattern": 2, "first_k_dense_replace": 2},
        changes=RELEASED,
        peer_differs={"sliding_window_pattern": "it writes a list, which the runtime passes over"},
    ),
    Case(
        "groups",
        CLASS,
        {**EXPERTS, "n_group": 4, "topk_group": 2},
        changes=RELEASED,
        peer_differs=PERIOD,
    ),
    Case(
        "tied",
        CLASS,
        {**EXPERTS, "tie_word_embeddings": True},
        changes=RELEASED,
        peer_differs={**PERIOD, "output.weight": "the runtime does not load the file without it"},
    ),
    Case(
        "dense_between",
        CLASS,
        {**EXPERTS, "mlp_layer_types": ["dense", "sparse", "dense", "sparse", "sparse"]},
        refused="mlp_layer_types",
    ),
)
