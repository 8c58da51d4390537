"""PLaMo 3: remote code only, held against Gemma 3's class with the same weights."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, Twin, tiny

CONFIG = {
    "model_type": "plamo3",
    **tiny(head_dim=16),
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "rope_local_theta": 10000,
    "window_size": 8,
    "sliding_window_pattern": 2,
    "tie_word_embeddings": False,
}
LAYER = {
    "pre_mixer_norm": (64,),
    "mixer.qkv_proj": (128, 64),
    "mixer.q_norm": (16,),
    "mixer.k_norm": (16,),
    "mixer.o_proj": (64, 64),
    "post_mixer_norm": (64,),
    "pre_mlp_norm": (64,),
    "mlp.gate_up_proj": (192, 64),
    "mlp.down_proj": (64, 96),
    "post_mlp_norm": (64,),
}
SHAPES = {
    "model.embed_tokens.weight": (309, 64),
    "model.norm.weight": (64,),
    "lm_head.weight": (309, 64),
    **{
        f"model.layers.layers.{n}.{name}.weight": shape
        for n in (0, 1)
        for name, shape in LAYER.items()
    },
}
FULL, SLIDING = "full_attention", "sliding_attention"
TWIN = {
    **tiny(head_dim=16),
    "query_pre_attn_scalar": 16,
    "hidden_activation": "silu",
    "rms_norm_eps": 1e-6,
    "sliding_window": 8,
    "layer_types": [SLIDING, FULL],
    "rope_parameters": {
        FULL: {"rope_type": "default", "rope_theta": 1000000.0},
        SLIDING: {"rope_type": "default", "rope_theta": 10000.0},
    },
    "tie_word_embeddings": False,
}


def gemma3(stored: Tensors) -> Tensors:
    """Return the weights as Gemma 3 has them, whose norms and embedding have other scales."""
    found = {
        "model.embed_tokens.weight": stored["model.embed_tokens.weight"] / np.float32(8),
        "model.norm.weight": stored["model.norm.weight"],
        "lm_head.weight": stored["lm_head.weight"],
    }
    for n in (0, 1):
        own = {name: stored[f"model.layers.layers.{n}.{name}.weight"] for name in LAYER}
        queries, keys, values = np.split(own["mixer.qkv_proj"], [64, 96])
        gate, up = np.split(own["mlp.gate_up_proj"], 2)
        layer = {
            "input_layernorm": own["pre_mixer_norm"],
            "self_attn.q_proj": queries,
            "self_attn.k_proj": keys,
            "self_attn.v_proj": values,
            "self_attn.q_norm": own["mixer.q_norm"],
            "self_attn.k_norm": own["mixer.k_norm"],
            "self_attn.o_proj": own["mixer.o_proj"],
            "post_attention_layernorm": own["post_mixer_norm"] + np.float32(1 / 5 - 1),
            "pre_feedforward_layernorm": own["pre_mlp_norm"],
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": own["mlp.down_proj"],
            "post_feedforward_layernorm": own["post_mlp_norm"] + np.float32(5**-1.5 - 1),
        }
        found |= {f"model.layers.{n}.{name}.weight": value for name, value in layer.items()}
    return found


CASES = (
    Case(
        "windows",
        "Plamo3ForCausalLM",
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        twin=Twin("Gemma3ForCausalLM", TWIN, gemma3),
    ),
)
