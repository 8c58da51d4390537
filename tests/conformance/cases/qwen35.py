"""Qwen 3.5: value heads in groups and single, the block that predicts, a model of several parts."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.recurrent import mtp

_QWEN = tiny(
    num_hidden_layers=4,
    head_dim=32,
    linear_key_head_dim=16,
    linear_value_head_dim=16,
    linear_num_key_heads=2,
    linear_num_value_heads=6,
)
_CLASS = "Qwen3_5ForCausalLM"
_DENSE = {
    "mlp.gate_proj.weight": (96, 64),
    "mlp.up_proj.weight": (96, 64),
    "mlp.down_proj.weight": (64, 96),
}
_VISION = {
    "depth": 1,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "out_hidden_size": 64,
}

CASES = (
    Case("predicting", _CLASS, _QWEN, tokenizer="qwen2", extra=mtp(_DENSE)),
    Case("single", _CLASS, {**_QWEN, "linear_num_value_heads": 2, "tie_word_embeddings": True}),
    Case(
        "parts",
        "Qwen3_5ForConditionalGeneration",
        {"text_config": _QWEN, "vision_config": _VISION},
        tokenizer="qwen2",
        extra=mtp(_DENSE),
    ),
    Case("bias", _CLASS, {**_QWEN, "attention_bias": True}, refused="attention_bias"),
    Case("heads", _CLASS, {**_QWEN, "linear_num_value_heads": 3}, refused="do not divide"),
)
