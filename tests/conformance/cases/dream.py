"""Dream, whose class only remote code has."""

from __future__ import annotations

from conformance.case import Case, Tensors, tiny
from conformance.shapes import LLAMA_NAMES, LLAMA_OUTSIDE, decoder, llama_layer, stated

CONFIG = {
    "model_type": "Dream",
    **tiny(hidden_act="silu", rms_norm_eps=1e-6, rope_theta=10000.0, mask_token_id=1),
    "tie_word_embeddings": False,
}
SHAPES = decoder("gpt2", llama_layer(biases="qkv"))


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: every tensor as it is."""
    return stated(tensors, LLAMA_OUTSIDE, LLAMA_NAMES)


CASES = (
    Case("untied", "DreamModel", CONFIG, shapes=SHAPES, statement=statement),
    Case(
        "gelu", "DreamModel", {**CONFIG, "hidden_act": "gelu"}, shapes=SHAPES, refused="hidden_act"
    ),
)
