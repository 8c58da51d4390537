"""Qwen 3 VL MoE: the language model of a wrapper."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _wrapped(**changes: Any) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [6, 5, 5]}
    routing = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}
    text = tiny(head_dim=32, rope_parameters=rope, norm_topk_prob=True, **routing) | changes
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2}
    vision |= {"out_hidden_size": 64, "deepstack_visual_indexes": [0]}
    return {"text_config": text, "vision_config": vision, "tie_word_embeddings": False}


_HF = "Qwen3VLMoeForConditionalGeneration"
_PEER = (
    "the converter knows the layout of the first releases only, (experts, inputs, outputs), and "
    "writes what transformers saves today with the dimensions exchanged"
)
_FIRST_LAYOUT = {
    f"model.language_model.layers.{n}.mlp.experts.{name}": shape
    for n in (0, 1)
    for name, shape in (("gate_up_proj", (4, 64, 96)), ("down_proj", (4, 48, 64)))
}

CASES = (
    Case(
        "wrapper",
        _HF,
        _wrapped(),
        tokenizer="qwen2",
        noted="left out",
        peer_differs={"_exps": _PEER},
    ),
    Case("inputs_first", _HF, _wrapped(), tokenizer="qwen2", extra=_FIRST_LAYOUT),
    Case(
        "tied",
        _HF,
        _wrapped() | {"tie_word_embeddings": True},
        tokenizer="qwen2",
        extra=_FIRST_LAYOUT,
    ),
    Case(
        "dense_layers",
        _HF,
        _wrapped(mlp_only_layers=[0]),
        tokenizer="qwen2",
        refused="mlp_only_layers",
    ),
)
