"""Ling, the first, of remote code; Mixtral has its attention, not its experts."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, tiny
from conformance.shapes import HEADS, decoder, paired, stated

_CONFIG = {
    "model_type": "bailing_moe",
    **tiny(rms_norm_eps=1e-5, rope_theta=6e5, head_dim=16),
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "num_shared_experts": 2,
    "moe_intermediate_size": 48,
    "first_k_dense_replace": 0,
    "norm_topk_prob": True,
    "norm_softmax": False,
    "norm_head": False,
    "use_bias": False,
    "use_qkv_bias": False,
    "hidden_act": "silu",
}
_LAYER: dict[str, tuple[int, ...]] = {
    "input_layernorm.weight": (64,),
    "attention.query_key_value.weight": (128, 64),
    "attention.dense.weight": (64, 64),
    "post_attention_layernorm.weight": (64,),
    "mlp.gate.weight": (4, 64),
    **{
        f"mlp.experts.{i}.{part}_proj.weight": (48, 64) for i in range(4) for part in ("gate", "up")
    },
    **{f"mlp.experts.{i}.down_proj.weight": (64, 48) for i in range(4)},
    **{f"mlp.shared_experts.{part}_proj.weight": (96, 64) for part in ("gate", "up")},
    "mlp.shared_experts.down_proj.weight": (64, 96),
}
_NAMES = ("model.word_embeddings", "model.norm", "lm_head")
_SHAPES = decoder("gpt2", _LAYER, names=_NAMES)


def _statement(tensors: Tensors) -> Tensors:
    outside = {
        "model.word_embeddings.weight": "token_embd.weight",
        "lm_head.weight": "output.weight",
        "model.norm.weight": "output_norm.weight",
    }
    found = stated(tensors, outside, {"attention.dense.weight": "attn_output.weight"})
    for n in (0, 1):
        layer = f"model.layers.{n}."
        fused = tensors[f"{layer}attention.query_key_value.weight"]
        found[f"blk.{n}.attn_q.weight"] = paired(fused[:64], HEADS)
        found[f"blk.{n}.attn_k.weight"] = paired(fused[64:96], 2)
        found[f"blk.{n}.attn_v.weight"] = fused[96:]
        for part in ("gate", "up", "down"):
            each = [tensors[f"{layer}mlp.experts.{i}.{part}_proj.weight"] for i in range(4)]
            found[f"blk.{n}.ffn_{part}_exps.weight"] = np.stack(each)
    return found


_HF = "BailingMoeForCausalLM"

CASES = (
    Case("released", _HF, _CONFIG, shapes=_SHAPES, statement=_statement),
    Case("head", _HF, {**_CONFIG, "norm_head": True}, shapes=_SHAPES, refused="norm_head"),
    Case("biases", _HF, {**_CONFIG, "use_qkv_bias": True}, shapes=_SHAPES, refused="use_qkv_bias"),
)
