"""Nomic BERT with experts: remote code only."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors
from conformance.cases.nomic_bert import CLASS, RELEASED, shapes

PLAIN = {
    "attn.Wqkv.bias": (192,),
    "attn.out_proj.bias": (64,),
    "mlp.fc1.weight": (96, 64),
    "mlp.fc1.bias": (96,),
    "mlp.fc2.weight": (64, 96),
    "mlp.fc2.bias": (64,),
}
MIXED = {
    "attn.Wqkv.bias": (192,),
    "attn.out_proj.bias": (64,),
    "mlp.router.layer.weight": (4, 64),
    "mlp.experts.mlp.w1": (4 * 96, 64),
    "mlp.experts.mlp.w2": (4 * 96, 64),
    "mlp.experts.bias": (64,),
}
CONFIG = {
    **RELEASED,
    "activation_function": "gelu",
    "mlp_fc1_bias": True,
    "mlp_fc2_bias": True,
    "qkv_proj_bias": True,
    "n_positions": 2048,
    "moe_every_n_layers": 2,
    "num_experts": 4,
    "moe_top_k": 2,
    "moe_normalize_expert_weights": False,
    "num_shared_experts": 0,
    "expert_choice_router": False,
    "ffn_div": 1,
}


def stated(stored: Tensors) -> Tensors:
    """Return the experts of the layer that has them, each matrix (outputs, inputs)."""
    up = stored["encoder.layers.1.mlp.experts.mlp.w1"]
    down = stored["encoder.layers.1.mlp.experts.mlp.w2"]
    return {
        "blk.1.ffn_up_exps.weight": np.stack([up[i * 96 : (i + 1) * 96] for i in range(4)]),
        "blk.1.ffn_down_exps.weight": np.stack([down[i * 96 : (i + 1) * 96].T for i in range(4)]),
        "blk.1.ffn_gate_inp.weight": stored["encoder.layers.1.mlp.router.layer.weight"],
    }


CASES = (
    Case(
        "released",
        "NomicBertModel",
        CONFIG,
        tokenizer="wordpiece",
        kind="states",
        shapes=shapes(PLAIN, MIXED),
        statement=stated,
        peer_differs={
            **CLASS,
            "context_length": "the peer takes the default of transformers' class",
        },
        noted="layer 1 adds a bias of up to 0.",
    ),
    Case(
        "normalised",
        "NomicBertModel",
        {**CONFIG, "moe_normalize_expert_weights": True},
        tokenizer="wordpiece",
        shapes=shapes(PLAIN, MIXED),
        refused="moe_normalize_expert_weights",
    ),
)
