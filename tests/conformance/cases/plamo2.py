"""PLaMo 2, which only remote code loads; the converter's file is the witness."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, Shapes

_CONFIG = {
    "model_type": "plamo2",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size_per_head": 16,
    "mamba_num_heads": 8,
    "mamba_d_state": 16,
    "mamba_d_conv": 4,
    "mamba_step": 2,
    "mamba_enabled": True,
    "max_position_embeddings": 256,
    "attention_window_size": 64,
    "full_attention_idx": [],
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "vocab_size": 320,
    "tie_word_embeddings": True,
}
_NORMS = ("pre_mixer_norm", "post_mixer_norm", "pre_mlp_norm", "post_mlp_norm")


def _shapes(attend: tuple[int, ...] = (1,)) -> Shapes:
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (320, 64),
        "model.norm.weight": (64,),
    }
    for n in range(3):
        at = f"model.layers.layers.{n}."
        found |= {f"{at}{name}.weight": (64,) for name in _NORMS}
        found |= {f"{at}mlp.gate_up_proj.weight": (192, 64), f"{at}mlp.down_proj.weight": (64, 96)}
        mixer: dict[str, Any] = {
            "in_proj.weight": (256, 64),
            "conv1d.weight": (128, 1, 4),
            "bcdt_proj.weight": (96, 128),
            "dt_proj.weight": (8, 64),
            "dt_bias": (8,),
            "A_log": (8,),
            "D": (8,),
            "dt_norm_weight": (64,),
            "B_norm_weight": (16,),
            "C_norm_weight": (16,),
            "out_proj.weight": (64, 128),
        }
        if n in attend:
            mixer = {
                "qkv_proj.weight": (128, 64),
                "q_weight": (4, 16),
                "k_weight": (2, 16),
                "o_proj.weight": (64, 64),
            }
        found |= {f"{at}mixer.{name}": shape for name, shape in mixer.items()}
    return found


_CLASS = "Plamo2ForCausalLM"
_HEADS = {
    "head_count$": "the converter writes 0 heads for the first layer, from which llama.cpp takes "
    "how much of a head is rotated: it then computes without end"
}
_WINDOW = "attention_window_size is 64"
CASES = (
    Case(
        "steps",
        _CLASS,
        _CONFIG,
        shapes=_shapes(),
        noted=_WINDOW,
        peer_differs=_HEADS,
    ),
    Case("last", _CLASS, {**_CONFIG, "mamba_step": 8}, shapes=_shapes((2,)), peer_differs=_HEADS),
    Case("off", _CLASS, {**_CONFIG, "mamba_enabled": False}, shapes=_shapes(), refused="mamba_ena"),
)
