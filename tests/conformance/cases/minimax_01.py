"""MiniMax: lightning attention, whose decays transformers stores; what is released is like it."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.case import Case, Shapes, Tensors, Twin, tiny

_KINDS = ["linear_attention", "full_attention", "linear_attention"]
_CLASS = "MiniMaxForCausalLM"
_CONFIG = tiny(
    head_dim=16,
    num_hidden_layers=3,
    layer_types=_KINDS,
    num_local_experts=4,
    full_attn_alpha_factor=3.5,
    linear_attn_alpha_factor=3.5,
    mlp_alpha_factor=3.5,
    vocab_size=320,
)
_BLOCK = 256


def _shapes(*, stacked: bool = False) -> Shapes:
    """Return the tensors but for the decays."""
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (320, 64),
        "model.norm.weight": (64,),
        "lm_head.weight": (320, 64),
    }
    linear = {"norm": (64,), "out_proj": (64, 64), "output_gate": (64, 64), "qkv_proj": (192, 64)}
    full = {"q_proj": (64, 64), "k_proj": (32, 64), "v_proj": (32, 64), "o_proj": (64, 64)}
    for n, kind in enumerate(_KINDS):
        at = f"model.layers.{n}."
        parts = linear if kind == "linear_attention" else full
        found |= {f"{at}self_attn.{name}.weight": shape for name, shape in parts.items()}
        found |= {f"{at}{name}_layernorm.weight": (64,) for name in ("input", "post_attention")}
        if stacked:
            found |= {
                f"{at}mlp.gate.weight": (4, 64),
                f"{at}mlp.experts.gate_up_proj": (4, 192, 64),
                f"{at}mlp.experts.down_proj": (4, 64, 96),
            }
            continue
        found[f"{at}block_sparse_moe.gate.weight"] = (4, 64)
        for expert in range(4):
            inside = f"{at}block_sparse_moe.experts.{expert}."
            found |= {f"{inside}{name}.weight": (96, 64) for name in ("w1", "w3")}
            found[f"{inside}w2.weight"] = (64, 96)
    return found


def _decaying(tensors: Tensors) -> Tensors:
    """Return the tensors with the decays that transformers loads, by the rule of the paper."""
    decays: dict[str, np.ndarray[Any, Any]] = {}
    place = np.arange(1, _BLOCK + 1)
    for n, kind in enumerate(_KINDS):
        if kind != "linear_attention":
            continue
        slopes = 2.0 ** (-8.0 / 4 * np.arange(1, 5)) * (1 - n / (2 + 1e-5) + 1e-5)
        rate = slopes[:, None, None]
        apart = place[:, None] - place[None, :]
        at = f"model.layers.{n}.self_attn."
        decays |= {
            f"{at}slope_rate": rate,
            f"{at}query_decay": np.exp(-rate * place[:, None]),
            f"{at}key_decay": np.exp(-rate * (_BLOCK - place[:, None])),
            f"{at}diagonal_decay": np.where(apart >= 0, np.exp(-rate * apart.clip(0)), 0)[None],
        }
    return {**tensors, **{name: value.astype(np.float32) for name, value in decays.items()}}


_TWIN = Twin(_CLASS, _CONFIG, _decaying)
_UNKNOWN = "it knows the classes of the first releases only"

_SAVED = {**_CONFIG, "model_type": "minimax"}
_FACTORS = ("full_attn_alpha_factor", "linear_attn_alpha_factor", "mlp_alpha_factor", "layer_types")
# As the first releases spell it, which only remote code loads: half of each head is rotated.
_RELEASED = {
    **{name: value for name, value in _CONFIG.items() if name not in _FACTORS},
    "model_type": "MiniMaxText01",
    "attn_type_list": [0, 1, 0],
    "layernorm_full_attention_alpha": 3.5,
    "layernorm_full_attention_beta": 1.0,
    "layernorm_linear_attention_alpha": 3.5,
    "layernorm_linear_attention_beta": 1.0,
    "layernorm_mlp_alpha": 3.5,
    "layernorm_mlp_beta": 1.0,
    "num_experts_per_tok": 2,
    "postnorm": True,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000000,
    "rotary_dim": 8,
    "shared_intermediate_size": 0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
}
_DECAYS = {
    "model.layers.0.self_attn.slope_rate": (4, 1, 1),
    "model.layers.0.self_attn.query_decay": (4, _BLOCK, 1),
    "model.layers.0.self_attn.key_decay": (4, _BLOCK, 1),
}


def _refused(words: str, **changes: Any) -> Case:
    return Case(words, _CLASS, {**_SAVED, **changes}, shapes=_shapes(), refused=words)


CASES = (
    Case("experts", _CLASS, _SAVED, shapes=_shapes(), twin=_TWIN, peer_fails=_UNKNOWN),
    Case(
        "stacked",
        _CLASS,
        _SAVED,
        shapes=_shapes(stacked=True),
        extra=_DECAYS,
        twin=_TWIN,
        peer_fails=_UNKNOWN,
    ),
    Case(
        "released",
        "MiniMaxText01ForCausalLM",
        _RELEASED,
        shapes=_shapes(),
        peer_fails="it reads the index of several files, and its tokenizer as remote code",
    ),
    _refused("beta_factor", mlp_beta_factor=0.5),
    _refused("alpha_factor", mlp_alpha_factor=2.0),
    _refused("layers of attention only", layer_types=["full_attention"] * 3),
)
