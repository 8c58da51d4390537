"""Llama as an embedding model, whose class only remote code has."""

from __future__ import annotations

from conformance.case import Case, Tensors, tiny
from conformance.cases.llama import LLAMA3
from conformance.shapes import LLAMA_NAMES, decoder, llama_layer, paired_heads, stated

CLASS = "LlamaBidirectionalModel"
CONFIG = {
    "model_type": "llama_bidirec",
    **tiny(hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0),
}
WHOLE = decoder("gpt2", llama_layer(), names=("model.embed_tokens", "model.norm", ""))
SHAPES = {name.removeprefix("model."): shape for name, shape in WHOLE.items()}


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: queries and keys sorted by pairs, all else as it is."""
    outside = {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}
    return stated(tensors, outside, LLAMA_NAMES, at="layers.{n}.", made=paired_heads)


CAUSAL = {"attention.causal": "without it the runtime hides the tokens after each"}

CASES = (
    Case(
        "states",
        CLASS,
        CONFIG,
        kind="states",
        shapes=SHAPES,
        statement=statement,
        peer_differs=CAUSAL,
    ),
    Case(
        "llama3_rope",
        CLASS,
        {**CONFIG, "rope_scaling": LLAMA3},
        kind="states",
        shapes=SHAPES,
        peer_differs=CAUSAL,
    ),
    Case("gelu", CLASS, {**CONFIG, "hidden_act": "gelu"}, shapes=SHAPES, refused="hidden_act"),
)
