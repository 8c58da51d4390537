"""GroveMoE, of remote code."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, tiny
from conformance.shapes import decoder

_CONFIG = {
    "model_type": "grove_moe",
    **tiny(rms_norm_eps=1e-6, rope_theta=1e6, head_dim=16),
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 48,
    "norm_topk_prob": True,
    "hidden_act": "silu",
    "attention_bias": False,
    "tie_word_embeddings": False,
}
_EXPERTS = {f"experts.{i}": 48 for i in range(4)} | {f"chunk_experts.{i}": 16 for i in range(2)}
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
    "mlp.expert_bias": (4,),
    **{f"mlp.{place}.gate_proj.weight": (size, 64) for place, size in _EXPERTS.items()},
    **{f"mlp.{place}.up_proj.weight": (size, 64) for place, size in _EXPERTS.items()},
    **{f"mlp.{place}.down_proj.weight": (64, size) for place, size in _EXPERTS.items()},
}
_SHAPES = decoder("gpt2", _LAYER)


def _statement(tensors: Tensors) -> Tensors:
    found = {}
    for n in (0, 1):
        for part in ("gate", "up", "down"):
            for kind, name, count in (("experts", "exps", 4), ("chunk_experts", "chexps", 2)):
                at = f"model.layers.{n}.mlp.{kind}."
                each = [tensors[f"{at}{i}.{part}_proj.weight"] for i in range(count)]
                found[f"blk.{n}.ffn_{part}_{name}.weight"] = np.stack(each)
    return found


_HF = "GroveMoeForCausalLM"

CASES = (
    Case("released", _HF, _CONFIG, tokenizer="gpt2", shapes=_SHAPES, statement=_statement),
    Case("weights", _HF, {**_CONFIG, "norm_topk_prob": False}, shapes=_SHAPES, refused="norm_topk"),
)
