"""GLM 4.5 and later, their seeing versions, Solar Open."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF, _SEES = "Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration"
_ROUTING = {"n_routed_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}


def _small(**changes: Any) -> dict[str, Any]:
    given = {"head_dim": 16, "first_k_dense_replace": 1, "pad_token_id": 0, **_ROUTING}
    return tiny(num_nextn_predict_layers=0, **given) | changes


def _wrapped() -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
    text = _small(rope_parameters={**rope, "mrope_section": [1, 1, 2]})
    vision = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2}
    return {"text_config": text, "vision_config": {**vision, "out_hidden_size": 64}}


def _further(layer: str) -> dict[str, tuple[int, ...]]:
    """Return what a layer that predicts a further token has."""
    shapes: dict[str, tuple[int, ...]] = {
        f"{layer}eh_proj.weight": (64, 128),
        f"{layer}enorm.weight": (64,),
        f"{layer}hnorm.weight": (64,),
        f"{layer}shared_head.norm.weight": (64,),
        f"{layer}input_layernorm.weight": (64,),
        f"{layer}post_attention_layernorm.weight": (64,),
        f"{layer}self_attn.q_proj.weight": (64, 64),
        f"{layer}self_attn.k_proj.weight": (32, 64),
        f"{layer}self_attn.v_proj.weight": (32, 64),
        f"{layer}self_attn.o_proj.weight": (64, 64),
        f"{layer}mlp.gate.weight": (8, 64),
        f"{layer}mlp.gate.e_score_correction_bias": (8,),
    }
    places = [f"experts.{i}" for i in range(8)] + ["shared_experts"]
    for place in places:
        shapes[f"{layer}mlp.{place}.gate_proj.weight"] = (48, 64)
        shapes[f"{layer}mlp.{place}.up_proj.weight"] = (48, 64)
        shapes[f"{layer}mlp.{place}.down_proj.weight"] = (64, 48)
    return shapes


CASES = (
    Case("plain", _HF, _small()),
    Case("stacked", _HF, _small(), layout="stacked", peer_fails="it knows one tensor an expert"),
    Case(
        "norms_biases",
        _HF,
        _small(
            use_qk_norm=True,
            attention_bias=True,
            tie_word_embeddings=True,
            routed_scaling_factor=2.5,
            norm_topk_prob=False,
        ),
    ),
    Case("groups", _HF, _small(n_group=4, topk_group=2, n_shared_experts=2)),
    Case(
        "further_layer",
        _HF,
        _small(),
        extra=_further("model.layers.2."),
        changes={"num_nextn_predict_layers": 1},
    ),
    Case(
        "further_layer_lost",
        _HF,
        _small(),
        changes={"num_nextn_predict_layers": 1},
        peer_differs={
            "block_count|nextn": "the config speaks of a layer that is not stored, as transformers "
            "does not store it; the converter counts it, and llama.cpp does not load its file"
        },
    ),
    Case("wrapper", _SEES, _wrapped(), noted="parts are left out"),
    Case(
        "solar_open",
        "SolarOpenForCausalLM",
        {
            name: value
            for name, value in _small().items()
            if name
            not in ("intermediate_size", "first_k_dense_replace", "num_nextn_predict_layers")
        },
        peer_differs={
            "dimension_count": "the class turns whole heads, the converter takes half of each",
            "leading_dense": "0 is what the runtime takes without it",
        },
    ),
    Case("softmax", _HF, _small(), changes={"scoring_func": "softmax"}, refused="scoring_func"),
)
