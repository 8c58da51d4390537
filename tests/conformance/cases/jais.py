"""Jais: remote code only."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors

CONFIG = {
    "model_type": "jais",
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 4,
    "n_inner": 96,
    "n_positions": 128,
    "layer_norm_epsilon": 1e-5,
    "activation_function": "swiglu",
    "position_embedding_type": "alibi",
    "mup_scale_qk_dot_by_d": True,
    "mup_embeddings_scale": 14.5,
    "mup_output_alpha": 2.25,
    "mup_width_scale": 0.125,
    "scale_attn_weights": True,
    "tie_word_embeddings": True,
}
LAYER = {
    "ln_1": (64,),
    "attn.c_attn": (64, 192),
    "attn.c_proj": (64, 64),
    "ln_2": (64,),
    "mlp.c_fc": (64, 96),
    "mlp.c_fc2": (64, 96),
    "mlp.c_proj": (96, 64),
}
GGUF = {
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_fc2": "ffn_gate",
    "mlp.c_proj": "ffn_down",
}
UNTIED: dict[str, tuple[int, ...]] = {
    "transformer.wte.weight": (274, 64),
    "transformer.ln_f.weight": (64,),
    "transformer.ln_f.bias": (64,),
    "lm_head.weight": (274, 64),
    "transformer.relative_pe.slopes": (4,),
}
for _n in (0, 1):
    for _name, _shape in LAYER.items():
        UNTIED[f"transformer.h.{_n}.{_name}.weight"] = _shape
        UNTIED[f"transformer.h.{_n}.{_name}.bias"] = _shape[-1:]
TIED = {name: s for name, s in UNTIED.items() if "slopes" not in name and "lm_head" not in name}
# The first slope of four heads, 2 ** (-8 / 4), from which all follow.
SLOPES = {"slopes": (0.25, 0.25)}


def stated(stored: Tensors) -> Tensors:
    """Return the scaled ends, and matrices as (outputs, inputs)."""
    embedding = stored["transformer.wte.weight"]
    head = stored.get("lm_head.weight", embedding)
    return {
        "token_embd.weight": embedding * np.float32(14.5),
        "output.weight": head * np.float32(2.25 * 0.125),
        **{
            f"blk.{n}.{new}.weight": stored[f"transformer.h.{n}.{old}.weight"].T
            for n in (0, 1)
            for old, new in GGUF.items()
        },
    }


CASES = (
    Case(
        "untied",
        "JAISLMHeadModel",
        CONFIG,
        shapes=UNTIED,
        statement=stated,
        weights=SLOPES,
        peer_fails="it asks for the slopes' values before it has read them",
    ),
    Case(
        "tied",
        "JAISLMHeadModel",
        CONFIG,
        shapes=TIED,
        statement=stated,
        peer_differs={"^output.weight": "without it llama.cpp does not load the file"},
    ),
    Case(
        "scaled_by_root",
        "JAISLMHeadModel",
        {**CONFIG, "mup_scale_qk_dot_by_d": False},
        shapes=TIED,
        refused="mup_scale_qk_dot_by_d",
    ),
)
