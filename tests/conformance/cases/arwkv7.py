"""ARWKV 7, with a gate and without; the converter's file is the witness."""

from __future__ import annotations

from conformance.case import Case, Shapes
from conformance.rwkv import around, qwen

_CONFIG = {
    "model_type": "rwkv_hybrid",
    "hidden_size": 64,
    "head_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 96,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "wkv_version": 7,
    "wkv_has_gate": True,
    "wkv_layers": "full",
    "vocab_size": 320,
    "tie_word_embeddings": False,
}
# The converter writes the ranks of the one release.
_RANKS = {"w": 64, "a": 64, "v": 32, "g": 128}


def _shapes(*, gate: bool = True) -> Shapes:
    found: dict[str, tuple[int, ...]] = {
        **around("model.embed_tokens", "model.norm", "lm_head", bias=False)
    }
    for n in range(2):
        found |= qwen(f"model.layers.{n}.")
        at = f"model.layers.{n}.self_attn.time_mixer."
        found |= {f"{at}x_{x}": (1, 1, 64) for x in ("rwkvag" if gate else "rwkva")}
        found |= {f"{at}{x}.weight": (64, 64) for x in ("key", "value", "receptance", "output")}
        found |= {f"{at}k_k": (1, 1, 64), f"{at}k_a": (1, 1, 64), f"{at}r_k": (4, 16)}
        for letter, rank in _RANKS.items():
            if letter == "g" and not gate:
                continue
            found |= {f"{at}{letter}1": (64, rank), f"{at}{letter}2": (rank, 64)}
            if letter != "g":
                found[f"{at}{letter}0"] = (1, 1, 64)
        if gate:
            found |= {f"{at}ln_x.{end}": (64,) for end in ("weight", "bias")}
    return found


_CLASS = "RwkvHybridForCausalLM"
CASES = (
    Case("gated", _CLASS, _CONFIG, shapes=_shapes()),
    Case("gateless", _CLASS, {**_CONFIG, "wkv_has_gate": False}, shapes=_shapes(gate=False)),
    Case("older", _CLASS, {**_CONFIG, "wkv_version": 6}, shapes=_shapes(), refused="wkv_version"),
)
