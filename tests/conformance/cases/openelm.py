"""OpenELM: remote code only, held against Qwen 3's class where all layers are alike."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Shapes, Tensors, Twin, tiny

CONFIG = {
    "model_type": "openelm",
    "model_dim": 64,
    "num_transformer_layers": 2,
    "head_dim": 16,
    "num_query_heads": [4, 4],
    "num_kv_heads": [2, 2],
    "ffn_multipliers": [1.5, 1.5],
    "ffn_dim_divisor": 32,
    "ffn_with_glu": True,
    "activation_fn_name": "swish",
    "normalization_layer_name": "rms_norm",
    "normalize_qk_projections": True,
    "share_input_output_layers": True,
    "max_context_length": 128,
    "rope_freq_constant": 10000,
    "rope_max_length": 256,
    "num_gqa_groups": 2,
    "qkv_multipliers": [1.0, 1.0],
}
VARIED = {
    **CONFIG,
    "num_query_heads": [2, 4],
    "num_kv_heads": [1, 2],
    "ffn_multipliers": [0.5, 1.4],
}


def shapes(*layers: tuple[int, int, int]) -> Shapes:
    """Return all tensors of layers with these numbers of heads, key heads, and inner widths."""
    found: dict[str, tuple[int, ...]] = {
        "transformer.token_embeddings.weight": (309, 64),
        "transformer.norm.weight": (64,),
    }
    for n, (heads, groups, inner) in enumerate(layers):
        own = {
            "attn_norm": (64,),
            "attn.qkv_proj": ((heads + 2 * groups) * 16, 64),
            "attn.q_norm": (16,),
            "attn.k_norm": (16,),
            "attn.out_proj": (64, heads * 16),
            "ffn_norm": (64,),
            "ffn.proj_1": (2 * inner, 64),
            "ffn.proj_2": (64, inner),
        }
        found |= {f"transformer.layers.{n}.{name}.weight": shape for name, shape in own.items()}
    return found


def qwen3(stored: Tensors) -> Tensors:
    """Return the weights as Qwen 3 has them: heads apart, gate and up apart."""
    found = {
        "model.embed_tokens.weight": stored["transformer.token_embeddings.weight"],
        "model.norm.weight": stored["transformer.norm.weight"],
    }
    for n in (0, 1):
        own = {
            name.removeprefix(f"transformer.layers.{n}.").removesuffix(".weight"): value
            for name, value in stored.items()
        }
        queries, keys, values = np.split(own["attn.qkv_proj"], [64, 96])
        gate, up = np.split(own["ffn.proj_1"], 2)
        layer = {
            "input_layernorm": own["attn_norm"],
            "self_attn.q_proj": queries,
            "self_attn.k_proj": keys,
            "self_attn.v_proj": values,
            "self_attn.q_norm": own["attn.q_norm"],
            "self_attn.k_norm": own["attn.k_norm"],
            "self_attn.o_proj": own["attn.out_proj"],
            "post_attention_layernorm": own["ffn_norm"],
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": own["ffn.proj_2"],
        }
        found |= {f"model.layers.{n}.{name}.weight": value for name, value in layer.items()}
    return found


def halved(stored: Tensors) -> Tensors:
    """Return the gates and what they multiply, whose lengths differ by layer."""
    found = {}
    for n, inner in enumerate((32, 96)):
        fused = stored[f"transformer.layers.{n}.ffn.proj_1.weight"]
        found[f"blk.{n}.ffn_gate.weight"] = fused[:inner]
        found[f"blk.{n}.ffn_up.weight"] = fused[inner:]
    return found


TWIN = {**tiny(head_dim=16), "tie_word_embeddings": True, "rms_norm_eps": 1e-6}

CASES = (
    Case(
        "alike",
        "OpenELMForCausalLM",
        CONFIG,
        tokenizer="spm",
        shapes=shapes((4, 2, 96), (4, 2, 96)),
        twin=Twin("Qwen3ForCausalLM", TWIN, qwen3),
    ),
    Case(
        "varied",
        "OpenELMForCausalLM",
        VARIED,
        tokenizer="spm",
        shapes=shapes((2, 1, 32), (4, 2, 96)),
        statement=halved,
    ),
    Case(
        "untied",
        "OpenELMForCausalLM",
        {**CONFIG, "share_input_output_layers": False},
        tokenizer="spm",
        shapes=shapes((4, 2, 96), (4, 2, 96)),
        refused="share_input_output_layers",
    ),
)
