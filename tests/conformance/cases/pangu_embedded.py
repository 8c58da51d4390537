"""openPangu Embedded, whose class only remote code has; Llama computes the same."""

from __future__ import annotations

from conformance.case import Case, Twin, tiny
from conformance.shapes import decoder, llama_layer

CLASS = "PanguEmbeddedForCausalLM"
CONFIG = {
    "model_type": "PanguEmbedded",
    **tiny(bias=True, hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0),
}
SHAPES = decoder("spm", llama_layer(biases="qkvo"))

CASES = (
    Case(
        "biases",
        CLASS,
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        twin=Twin(
            "LlamaForCausalLM",
            tiny(attention_bias=True, rms_norm_eps=1e-5),
            dict,
        ),
    ),
    Case(
        "without", CLASS, {**CONFIG, "bias": False}, tokenizer="spm", shapes=SHAPES, refused="bias"
    ),
)
