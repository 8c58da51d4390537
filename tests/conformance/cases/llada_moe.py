"""LLaDA MoE, whose class only remote code has."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, tiny
from conformance.shapes import (
    HEAD,
    HEADS,
    LLAMA_NAMES,
    LLAMA_OUTSIDE,
    WIDTH,
    decoder,
    llama_layer,
    stated,
)

CLASS = "LLaDAMoEModelLM"
EXPERTS, LENGTH = 4, 48
CONFIG = {
    "model_type": "llada",
    **tiny(num_key_value_heads=HEADS, hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0),
    "num_experts": EXPERTS,
    "num_experts_per_tok": 2,
    "expert_intermediate_size": LENGTH,
    "qk_layernorm": True,
    "tie_word_embeddings": False,
}
PARTS = {"gate_proj": (LENGTH, WIDTH), "up_proj": (LENGTH, WIDTH), "down_proj": (WIDTH, LENGTH)}
LAYER = {
    **{n: s for n, s in llama_layer(keys=HEADS).items() if not n.startswith("mlp.")},
    "self_attn.q_norm.weight": (HEAD,),
    "self_attn.k_norm.weight": (HEAD,),
    "mlp.gate.weight": (EXPERTS, WIDTH),
    **{
        f"mlp.experts.{i}.{part}.weight": shape
        for i in range(EXPERTS)
        for part, shape in PARTS.items()
    },
}
SHAPES = decoder("gpt2", LAYER)


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: the experts stacked, all else as it is."""
    names = {
        **LLAMA_NAMES,
        "self_attn.q_norm.weight": "attn_q_norm.weight",
        "self_attn.k_norm.weight": "attn_k_norm.weight",
        "mlp.gate.weight": "ffn_gate_inp.weight",
    }
    experts = {
        f"blk.{n}.ffn_{part.removesuffix('_proj')}_exps.weight": np.stack(
            [tensors[f"model.layers.{n}.mlp.experts.{i}.{part}.weight"] for i in range(EXPERTS)]
        )
        for n in (0, 1)
        for part in PARTS
    }
    return {**stated(tensors, LLAMA_OUTSIDE, names), **experts}


CASES = (
    Case(
        "experts",
        CLASS,
        CONFIG,
        shapes=SHAPES,
        statement=statement,
    ),
    Case(
        "normalised", CLASS, {**CONFIG, "norm_topk_prob": True}, shapes=SHAPES, refused="norm_topk"
    ),
)
