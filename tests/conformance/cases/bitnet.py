"""BitNet b1.58: the reproduction's class, which only remote code has, and transformers'."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, Twin, tiny
from conformance.shapes import HEADS, INNER, WIDTH, decoder, llama_layer

SMALL = tiny(hidden_act="silu", rms_norm_eps=1e-5, tie_word_embeddings=True)
MANY = {**SMALL, "num_key_value_heads": HEADS}
NORMS = {"self_attn.inner_attn_ln.weight": (WIDTH,), "mlp.ffn_layernorm.weight": (INNER,)}
SHAPES = decoder("spm", {**llama_layer(), **NORMS}, names=("model.embed_tokens", "model.norm", ""))
MEAN = "the mean of all weights is rounded once here, after every sum there"


def twin(tensors: Tensors) -> Tensors:
    """Return the weights rounded to three values, under the names of transformers' class."""
    made = {}
    for name, values in tensors.items():
        new = name.replace("inner_attn_ln", "attn_sub_norm").replace(
            "ffn_layernorm", "ffn_sub_norm"
        )
        made[new] = values
        if "_proj." in name:
            mean = np.abs(values).mean()
            made[new] = (np.round(values / mean).clip(-1, 1) * mean).astype(np.float32)
    return made


CASES = (
    Case(
        "rounded",
        "BitnetForCausalLM",
        {"model_type": "llama", **SMALL, "rope_theta": 500000.0, "head_dim": 16},
        tokenizer="spm",
        shapes=SHAPES,
        twin=Twin("BitNetForCausalLM", SMALL, twin),
        peer_differs={r"(attn_(q|k|v|output)|ffn_(gate|up|down))\.weight": MEAN},
    ),
    Case("plain", "BitNetForCausalLM", MANY, tokenizer="spm", peer_fails="it does not know it"),
    Case("relu2", "BitNetForCausalLM", {**SMALL, "hidden_act": "relu2"}, refused="hidden_act"),
)
