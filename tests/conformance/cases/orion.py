"""Orion, whose class only remote code has."""

from __future__ import annotations

from conformance.case import Case, Tensors, tiny
from conformance.shapes import (
    LLAMA_NAMES,
    LLAMA_OUTSIDE,
    WIDTH,
    decoder,
    llama_layer,
    stated,
)

CONFIG = {
    "model_type": "orion",
    **tiny(hidden_act="silu", rms_norm_eps=1e-5, max_sequence_length=128),
    "rope_theta": 10000.0,
}
NORMS = {f"{name}_layernorm.bias": (WIDTH,) for name in ("input", "post_attention")}
SHAPES = {**decoder("spm", {**llama_layer(), **NORMS}), "model.norm.bias": (WIDTH,)}


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: every tensor as it is."""
    outside = {**LLAMA_OUTSIDE, "model.norm.bias": "output_norm.bias"}
    return stated(tensors, outside, LLAMA_NAMES)


CASES = (
    Case(
        "untied",
        "OrionForCausalLM",
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        statement=statement,
        peer_differs={"rope.freq_base": "it says no base; the runtime then takes this one"},
    ),
    Case(
        "gelu",
        "OrionForCausalLM",
        {**CONFIG, "hidden_act": "gelu"},
        tokenizer="spm",
        shapes=SHAPES,
        refused="hidden_act",
    ),
)
