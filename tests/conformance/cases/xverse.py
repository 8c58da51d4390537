"""XVERSE, whose class only remote code has; Llama computes the same."""

from __future__ import annotations

from conformance.case import Case, Twin, tiny
from conformance.shapes import HEADS, decoder, llama_layer

SMALL = tiny(num_key_value_heads=HEADS, rms_norm_eps=1e-6)
CONFIG = {"model_type": "xverse", **SMALL, "hidden_act": "silu"}
SHAPES = decoder("spm", llama_layer(keys=HEADS))

CASES = (
    Case(
        "untied",
        "XverseForCausalLM",
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        twin=Twin("LlamaForCausalLM", SMALL, dict),
    ),
    Case(
        "gelu",
        "XverseForCausalLM",
        {**CONFIG, "hidden_act": "gelu"},
        tokenizer="spm",
        shapes=SHAPES,
        refused="hidden_act",
    ),
)
