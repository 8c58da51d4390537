"""DeepSeek V2, V3, GLM 4.7 Flash and Youtu: latent attention, routing by groups."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_V2, _V3 = "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM"
_SCORING = (
    "the class's router has sigmoids, of which its config says nothing; the converter then leaves "
    "the key out and llama.cpp takes softmax"
)
_RANK = "llama.cpp's loader wants the key, 0 for none; the converter's file does not load"


def _latent(**changes: Any) -> dict[str, Any]:
    sizes = {"q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8}
    routing = {"n_routed_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}
    both = {**sizes, **routing, "v_head_dim": 24, "n_shared_experts": 2}
    return tiny(first_k_dense_replace=1, num_key_value_heads=4, **both) | changes


def _yarn(**terms: Any) -> dict[str, Any]:
    base = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
    return {**base, "rope_theta": 1e4, **terms}


_GROUPED = {"n_group": 4, "topk_group": 2}
_SIGMOID = {"expert_gating_func": _SCORING}
_NO_GROUPS = {
    "expert_group": "all groups are taken: no routing by groups, and llama.cpp aborts on it"
}

CASES = (
    Case("v2", _V2, _latent()),
    Case(
        "v2_stacked",
        _V2,
        _latent(),
        layout="stacked",
        peer_fails="its reader of DeepSeek knows one tensor an expert only",
    ),
    Case(
        "v2_direct_query",
        _V2,
        _latent(q_lora_rank=None, tie_word_embeddings=True),
        peer_differs={"q_lora_rank": _RANK},
    ),
    Case(
        "v2_yarn",
        _V2,
        _latent(
            rope_parameters=_yarn(mscale=0.707, mscale_all_dim=0.707), routed_scaling_factor=2.0
        ),
    ),
    Case(
        "v2_greedy_groups",
        _V2,
        _latent(topk_method="greedy", **_GROUPED),
        peer_differs={"expert_group": "the greedy method looks at no groups, llama.cpp would"},
    ),
    Case(
        "v2_groups",
        _V2,
        _latent(topk_method="group_limited_greedy", **_GROUPED),
        refused="topk_method",
    ),
    Case("v3", _V3, _latent(**_GROUPED), peer_differs=_SIGMOID),
    Case(
        "v3_scoring_said",
        _V3,
        _latent(**_GROUPED),
        changes={"scoring_func": "sigmoid", "topk_method": "noaux_tc", "moe_layer_freq": 1},
    ),
    Case(
        "v3_all_groups",
        _V3,
        _latent(n_group=2, topk_group=2, norm_topk_prob=False),
        peer_differs=_SIGMOID | _NO_GROUPS,
    ),
    Case(
        "v3_yarn",
        _V3,
        _latent(**_GROUPED, rope_parameters=_yarn(mscale=1.0, mscale_all_dim=1.0)),
        peer_differs=_SIGMOID,
    ),
    Case(
        "v3_yarn_plain",
        _V3,
        _latent(**_GROUPED, rope_parameters=_yarn()),
        peer_differs=_SIGMOID
        | {
            "attn_factor|yarn_log_multiplier": "llama.cpp's graph multiplies the scores by YaRN's "
            "factor too, which transformers does only where mscale_all_dim says so"
        },
    ),
    Case(
        "v3_yarn_uneven",
        _V3,
        _latent(**_GROUPED, rope_parameters=_yarn(mscale=0.5, mscale_all_dim=1.0)),
        peer_differs=_SIGMOID
        | {"attn_factor|yarn_log_multiplier": "llama.cpp takes mscale for mscale_all_dim"},
    ),
    Case(
        "v3_linear",
        _V3,
        _latent(
            **_GROUPED,
            rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4},
        ),
        peer_differs=_SIGMOID
        | {"yarn_log_multiplier": "llama.cpp's graph multiplies the scores by YaRN's factor"},
    ),
    Case(
        "v3_further_layers",
        _V3,
        _latent(**_GROUPED, num_hidden_layers=2),
        changes={"num_nextn_predict_layers": 1},
        extra={"model.layers.2.eh_proj.weight": (64, 128), "model.layers.2.enorm.weight": (64,)},
        noted="not part of the output",
        peer_differs=_SIGMOID,
    ),
    Case("v3_dense", _V3, _latent(first_k_dense_replace=2, **_GROUPED), peer_differs=_SIGMOID),
    Case("v3_biases", _V3, _latent(attention_bias=True, **_GROUPED), refused="attention_bias"),
    Case("v3_halves", _V3, _latent(rope_interleave=False, **_GROUPED), refused="rope_interleave"),
    Case(
        "glm_lite",
        "Glm4MoeLiteForCausalLM",
        _latent(first_k_dense_replace=None, num_hidden_layers=3),
        peer_differs=_SIGMOID | {"leading_dense": "the converter does not read mlp_layer_types"},
    ),
    Case(
        "glm_lite_alternating",
        "Glm4MoeLiteForCausalLM",
        _latent(first_k_dense_replace=None, mlp_layer_types=["sparse", "dense"]),
        refused="mlp_layer_types",
    ),
    Case(
        "youtu",
        "YoutuForCausalLM",
        {
            name: value
            for name, value in _latent().items()
            if "expert" not in name
            and name not in ("moe_intermediate_size", "first_k_dense_replace")
        },
    ),
)
