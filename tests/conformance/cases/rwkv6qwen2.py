"""QRWKV 6, key heads grouped and not; the converter's file is the witness."""

from __future__ import annotations

from conformance.case import Case, Shapes
from conformance.rwkv import around, qwen

_CONFIG = {
    "model_type": "rwkv6qwen2",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "lora_rank_tokenshift": 8,
    "lora_rank_decay": 12,
    "vocab_size": 320,
    "tie_word_embeddings": False,
}


def _shapes(keys: int = 32) -> Shapes:
    found: dict[str, tuple[int, ...]] = {
        **around("model.embed_tokens", "model.norm", "lm_head", bias=False)
    }
    for n in range(2):
        found |= qwen(f"model.layers.{n}.")
        at = f"model.layers.{n}.self_attn."
        found |= {f"{at}time_maa_{x}": (1, 1, 64) for x in "xrkvwg"}
        found |= {f"{at}{x}_proj.weight": (keys, 64) for x in "kv"}
        found |= {f"{at}{x}_proj.bias": (keys,) for x in "kv"}
        found |= {
            f"{at}time_maa_w1": (64, 40),
            f"{at}time_maa_w2": (5, 8, 64),
            f"{at}time_decay": (1, 1, 64),
            f"{at}time_decay_w1": (64, 12),
            f"{at}time_decay_w2": (12, 64),
            f"{at}q_proj.weight": (64, 64),
            f"{at}q_proj.bias": (64,),
            f"{at}o_proj.weight": (64, 64),
            f"{at}gate.weight": (64, 64),
        }
    return found


_CLASS = "RWKV6Qwen2ForCausalLM"
CASES = (
    Case("grouped", _CLASS, _CONFIG, shapes=_shapes()),
    Case("single", _CLASS, {**_CONFIG, "num_key_value_heads": 4}, shapes=_shapes(64)),
)
