"""Qwen 3.5: value heads in groups and single, the block that predicts, a model of several parts."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.recurrent import DECAY, NO_MTP, SECTIONS, VISION, mtp

_QWEN = tiny(
    num_hidden_layers=4,
    head_dim=32,
    linear_key_head_dim=16,
    linear_value_head_dim=16,
    linear_num_key_heads=2,
    linear_num_value_heads=6,
)
_CLASS = "Qwen3_5ForCausalLM"
_ROPE = {
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 1e6,
        "partial_rotary_factor": 0.5,
        "mrope_section": [3, 3, 2],
        "mrope_interleaved": True,
    }
}
_DENSE = {
    "mlp.gate_proj.weight": (96, 64),
    "mlp.up_proj.weight": (96, 64),
    "mlp.down_proj.weight": (64, 96),
}

CASES = (
    Case("predicting", _CLASS, {**_QWEN, **_ROPE}, tokenizer="qwen2", extra=mtp(_DENSE)),
    Case(
        "single",
        _CLASS,
        {**_QWEN, "linear_num_value_heads": 2, "tie_word_embeddings": True},
        peer_fails=NO_MTP,
    ),
    Case(
        "parts",
        "Qwen3_5ForConditionalGeneration",
        {"text_config": _QWEN, "vision_config": VISION},
        tokenizer="qwen2",
        extra=mtp(_DENSE),
        peer_differs={**DECAY, **SECTIONS},
    ),
    Case("bias", _CLASS, {**_QWEN, "attention_bias": True}, refused="attention_bias"),
    Case("heads", _CLASS, {**_QWEN, "linear_num_value_heads": 3}, refused="do not divide"),
)
