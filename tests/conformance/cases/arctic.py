"""Arctic, of remote code."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, tiny
from conformance.shapes import HEADS, KEY_HEADS, decoder, paired, stated

_CONFIG = {
    "model_type": "arctic",
    **tiny(rms_norm_eps=1e-5, rope_theta=1e6),
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_layer_frequency": 1,
    "parallel_attn_mlp_res": True,
    "use_residual": True,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
}
_LAYER: dict[str, tuple[int, ...]] = {
    "input_layernorm.weight": (64,),
    "self_attn.q_proj.weight": (64, 64),
    "self_attn.k_proj.weight": (32, 64),
    "self_attn.v_proj.weight": (32, 64),
    "self_attn.o_proj.weight": (64, 64),
    "residual_layernorm.weight": (64,),
    "residual_mlp.w1.weight": (64, 64),
    "residual_mlp.w2.weight": (64, 64),
    "residual_mlp.w3.weight": (64, 64),
    "post_attention_layernorm.weight": (64,),
    "block_sparse_moe.gate.weight": (4, 64),
    **{f"block_sparse_moe.experts.{i}.w1.weight": (96, 64) for i in range(4)},
    **{f"block_sparse_moe.experts.{i}.w2.weight": (64, 96) for i in range(4)},
    **{f"block_sparse_moe.experts.{i}.w3.weight": (96, 64) for i in range(4)},
}
_SHAPES = decoder("gpt2", _LAYER)
_NAMES = {
    "residual_layernorm.weight": "ffn_norm.weight",
    "residual_mlp.w1.weight": "ffn_gate.weight",
    "residual_mlp.w2.weight": "ffn_down.weight",
    "residual_mlp.w3.weight": "ffn_up.weight",
    "post_attention_layernorm.weight": "ffn_norm_exps.weight",
    "block_sparse_moe.gate.weight": "ffn_gate_inp.weight",
}


def _statement(tensors: Tensors) -> Tensors:
    found = stated(tensors, {}, _NAMES)
    for n in (0, 1):
        layer = f"model.layers.{n}."
        for part, count in (("q", HEADS), ("k", KEY_HEADS)):
            values = tensors[f"{layer}self_attn.{part}_proj.weight"]
            found[f"blk.{n}.attn_{part}.weight"] = paired(values, count)
        for source, name in (("w1", "gate"), ("w2", "down"), ("w3", "up")):
            at = f"{layer}block_sparse_moe.experts."
            each = [tensors[f"{at}{i}.{source}.weight"] for i in range(4)]
            found[f"blk.{n}.ffn_{name}_exps.weight"] = np.stack(each)
    return found


_HF = "ArcticForCausalLM"

CASES = (
    Case("released", _HF, _CONFIG, shapes=_SHAPES, statement=_statement),
    Case("dense", _HF, {**_CONFIG, "moe_layer_frequency": 2}, shapes=_SHAPES, refused="frequency"),
)
