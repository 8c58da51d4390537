"""Ling 2 of remote code; GLM 4.5 computes the same from heads stored apart."""

from __future__ import annotations

import re
from typing import Any

from conformance.case import Case, Tensors, Twin, tiny
from conformance.shapes import decoder

_ROUTING = {
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 48,
    "first_k_dense_replace": 1,
    "n_group": 4,
    "topk_group": 2,
    "routed_scaling_factor": 2.5,
}
_SIZES = tiny(rms_norm_eps=1e-6, head_dim=16)
_CONFIG = {
    "model_type": "bailing_moe",
    **_SIZES,
    **_ROUTING,
    "num_experts": 8,
    "num_shared_experts": 1,
    "rope_theta": 6e5,
    "partial_rotary_factor": 0.5,
    "score_function": "sigmoid",
    "norm_topk_prob": True,
    "use_qk_norm": True,
    "use_bias": False,
    "use_qkv_bias": False,
    "hidden_act": "silu",
    "num_nextn_predict_layers": 0,
    "moe_shared_expert_intermediate_size": 48,
}


def _layer(*, dense: bool) -> dict[str, tuple[int, ...]]:
    attention: dict[str, tuple[int, ...]] = {
        "input_layernorm.weight": (64,),
        "attention.query_key_value.weight": (128, 64),
        "attention.dense.weight": (64, 64),
        "attention.query_layernorm.weight": (16,),
        "attention.key_layernorm.weight": (16,),
        "post_attention_layernorm.weight": (64,),
    }
    places = {"mlp": 96} if dense else {f"mlp.experts.{i}": 48 for i in range(8)}
    places |= {} if dense else {"mlp.shared_experts": 48}
    for place, length in places.items():
        attention |= {f"{place}.{part}_proj.weight": (length, 64) for part in ("gate", "up")}
        attention[f"{place}.down_proj.weight"] = (64, length)
    if not dense:
        attention |= {"mlp.gate.weight": (8, 64), "mlp.gate.expert_bias": (8,)}
    return attention


_NAMES = ("model.word_embeddings", "model.norm", "lm_head")
_SHAPES = decoder("gpt2", {}, names=_NAMES) | {
    f"model.layers.{n}.{name}": shape
    for n in (0, 1)
    for name, shape in _layer(dense=n == 0).items()
}
_PARTS = (
    (r"word_embeddings", "embed_tokens"),
    (r"\.attention\.dense", ".self_attn.o_proj"),
    (r"\.attention\.query_layernorm", ".self_attn.q_norm"),
    (r"\.attention\.key_layernorm", ".self_attn.k_norm"),
    (r"\.expert_bias", ".e_score_correction_bias"),
)


def _twin(tensors: Tensors) -> Tensors:
    found: dict[str, Any] = {}
    for name, values in tensors.items():
        if "query_key_value" in name:
            at = name.replace("attention.query_key_value.weight", "self_attn.")
            parts = {"q": values[:64], "k": values[64:96], "v": values[96:]}
            found |= {f"{at}{part}_proj.weight": rows for part, rows in parts.items()}
            continue
        for old, new in _PARTS:
            name = re.sub(old, new, name)  # noqa: PLW2901 - renamed step by step
        found[name] = values
    return found


_ROPE = {"rope_type": "default", "rope_theta": 6e5, "partial_rotary_factor": 0.5}
_TWIN = Twin(
    "Glm4MoeForCausalLM",
    {
        **_SIZES,
        **_ROUTING,
        "n_routed_experts": 8,
        "n_shared_experts": 1,
        "use_qk_norm": True,
        "rope_parameters": _ROPE,
        "pad_token_id": 0,
    },
    _twin,
)
_HF = "BailingMoeV2ForCausalLM"

CASES = (
    Case("released", _HF, _CONFIG, shapes=_SHAPES, twin=_TWIN),
    Case("head", _HF, {**_CONFIG, "norm_head": True}, shapes=_SHAPES, refused="norm_head"),
)
