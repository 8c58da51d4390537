"""RWKV 7 in the layout of the library fla; the converter's file is the witness."""

from __future__ import annotations

from conformance.case import Case, Shapes
from conformance.rwkv import around

_CONFIG = {
    "model_type": "rwkv7",
    "hidden_size": 64,
    "head_dim": 16,
    "num_hidden_layers": 3,
    "intermediate_size": 256,
    "norm_eps": 1e-5,
    "decay_low_rank_dim": 32,
    "a_low_rank_dim": 24,
    "v_low_rank_dim": 16,
    "gate_low_rank_dim": 40,
    "hidden_act": "sqrelu",
    "norm_bias": True,
    "norm_first": True,
    "attn": None,
    "vocab_size": 320,
    "tie_word_embeddings": False,
}
_RANKS = {"w": 32, "a": 24, "v": 16, "g": 40}
_BOTH = ("weight", "bias")


def _shapes(*, fused: bool = False) -> Shapes:
    found: dict[str, tuple[int, ...]] = {**around("model.embeddings", "model.norm", "lm_head")}
    found |= {f"model.layers.0.pre_norm.{end}": (64,) for end in _BOTH}
    for n in range(3):
        at = f"model.layers.{n}."
        norms = ("attn_norm", "ffn_norm", "attn.g_norm")
        found |= {f"{at}{name}.{end}": (64,) for name in norms for end in _BOTH}
        letters = ("x_x",) if fused else tuple(f"x_{x}" for x in "rwkvag")
        found |= {f"{at}attn.{x}": (6, 64) if fused else (1, 1, 64) for x in letters}
        found |= {f"{at}attn.{x}_proj.weight": (64, 64) for x in "rkvo"}
        found |= {f"{at}attn.k_k": (64,), f"{at}attn.k_a": (64,), f"{at}attn.r_k": (4, 16)}
        for letter, rank in _RANKS.items():
            if letter == "v" and n == 0:
                continue
            inside = f"{at}attn.{letter}_lora.lora."
            found |= {f"{inside}0.weight": (rank, 64), f"{inside}2.weight": (64, rank)}
            if letter != "g":
                found[f"{inside}2.bias"] = (64,)
        found |= {
            f"{at}ffn.x_k": (64,),
            f"{at}ffn.key.weight": (256, 64),
            f"{at}ffn.value.weight": (64, 256),
        }
    return found


_CLASS = "RWKV7ForCausalLM"
CASES = (
    Case("goose", _CLASS, _CONFIG, shapes=_shapes()),
    Case("fused", _CLASS, _CONFIG, shapes=_shapes(fused=True)),
    Case("silent", _CLASS, {**_CONFIG, "intermediate_size": None}, shapes=_shapes()),
    Case("hybrid", _CLASS, {**_CONFIG, "attn": {"layers": [1]}}, shapes=_shapes(), refused="attn"),
)
