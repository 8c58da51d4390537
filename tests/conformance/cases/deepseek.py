"""DeepSeek MoE, the first, of remote code."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, Shapes

_CONFIG: dict[str, Any] = {
    "model_type": "deepseek",
    "vocab_size": 273,
    "hidden_size": 64,
    "intermediate_size": 96,
    "moe_intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "n_shared_experts": 2,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_layer_freq": 1,
    "first_k_dense_replace": 1,
    "norm_topk_prob": False,
    "scoring_func": "softmax",
    "hidden_act": "silu",
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
}


def _shapes() -> Shapes:
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (273, 64),
        "model.norm.weight": (64,),
        "lm_head.weight": (273, 64),
    }
    for n in (0, 1):
        layer = f"model.layers.{n}."
        shapes |= {
            f"{layer}input_layernorm.weight": (64,),
            f"{layer}post_attention_layernorm.weight": (64,),
            f"{layer}self_attn.q_proj.weight": (64, 64),
            f"{layer}self_attn.k_proj.weight": (32, 64),
            f"{layer}self_attn.v_proj.weight": (32, 64),
            f"{layer}self_attn.o_proj.weight": (64, 64),
        }
    shapes["model.layers.1.mlp.gate.weight"] = (4, 64)
    lengths = {"0.mlp": 96, "1.mlp.shared_experts": 96}
    lengths |= {f"1.mlp.experts.{i}": 48 for i in range(4)}
    for place, length in lengths.items():
        for part in ("gate_proj", "up_proj"):
            shapes[f"model.layers.{place}.{part}.weight"] = (length, 64)
        shapes[f"model.layers.{place}.down_proj.weight"] = (64, length)
    return shapes


_HF = "DeepseekForCausalLM"

CASES = (
    Case("released", _HF, _CONFIG, shapes=_shapes()),
    Case("weights", _HF, _CONFIG | {"norm_topk_prob": True}, shapes=_shapes(), refused="norm_topk"),
)
