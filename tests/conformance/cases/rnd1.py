"""RND1, of remote code: Qwen 3 MoE's tensors."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, tiny
from conformance.shapes import decoder

_CONFIG = {
    "model_type": "rnd1",
    **tiny(rms_norm_eps=1e-6, rope_theta=1e6, head_dim=16),
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 48,
    "norm_topk_prob": True,
    "hidden_act": "silu",
    "attention_bias": False,
    "tie_word_embeddings": False,
    "mask_token_id": 7,
}
_LAYER: dict[str, tuple[int, ...]] = {
    "input_layernorm.weight": (64,),
    "self_attn.q_proj.weight": (64, 64),
    "self_attn.k_proj.weight": (32, 64),
    "self_attn.v_proj.weight": (32, 64),
    "self_attn.o_proj.weight": (64, 64),
    "self_attn.q_norm.weight": (16,),
    "self_attn.k_norm.weight": (16,),
    "post_attention_layernorm.weight": (64,),
    "mlp.gate.weight": (4, 64),
    **{f"mlp.experts.{i}.gate_proj.weight": (48, 64) for i in range(4)},
    **{f"mlp.experts.{i}.up_proj.weight": (48, 64) for i in range(4)},
    **{f"mlp.experts.{i}.down_proj.weight": (64, 48) for i in range(4)},
}
_SHAPES = decoder("gpt2", _LAYER)


def _statement(tensors: Tensors) -> Tensors:
    found = {}
    for n in (0, 1):
        for part in ("gate", "up", "down"):
            at = f"model.layers.{n}.mlp.experts."
            each = [tensors[f"{at}{i}.{part}_proj.weight"] for i in range(4)]
            found[f"blk.{n}.ffn_{part}_exps.weight"] = np.stack(each)
    return found


CASES = (
    Case("released", "RND1", _CONFIG, shapes=_SHAPES, statement=_statement),
    Case(
        "weights", "RND1", {**_CONFIG, "norm_topk_prob": False}, shapes=_SHAPES, refused="norm_topk"
    ),
)
