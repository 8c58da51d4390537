"""Qwen, the first, of remote code; Qwen 2 computes the same from heads stored apart."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, Tensors, Twin, tiny
from conformance.shapes import decoder

_CONFIG = {
    "model_type": "qwen",
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "seq_length": 128,
    "layer_norm_epsilon": 1e-6,
    "rotary_emb_base": 10000,
    "rotary_pct": 1.0,
    "kv_channels": 16,
    "no_bias": True,
    "use_logn_attn": True,
    "use_dynamic_ntk": True,
    "scale_attn_weights": True,
    "tie_word_embeddings": False,
}
_LAYER: dict[str, tuple[int, ...]] = {
    "ln_1.weight": (64,),
    "attn.c_attn.weight": (192, 64),
    "attn.c_attn.bias": (192,),
    "attn.c_proj.weight": (64, 64),
    "ln_2.weight": (64,),
    "mlp.w1.weight": (96, 64),
    "mlp.w2.weight": (96, 64),
    "mlp.c_proj.weight": (64, 96),
}
_SHAPES = decoder(
    "gpt2",
    _LAYER,
    at="transformer.h.{n}.",
    names=("transformer.wte", "transformer.ln_f", "lm_head"),
)
_PARTS = {
    "transformer.wte": "model.embed_tokens",
    "transformer.ln_f": "model.norm",
    "transformer.h.": "model.layers.",
    "ln_1": "input_layernorm",
    "ln_2": "post_attention_layernorm",
    "attn.c_proj": "self_attn.o_proj",
    "mlp.w1": "mlp.up_proj",
    "mlp.w2": "mlp.gate_proj",
    "mlp.c_proj": "mlp.down_proj",
}


def _twin(tensors: Tensors) -> Tensors:
    found: dict[str, Any] = {}
    for name, values in tensors.items():
        renamed = name
        for old, new in _PARTS.items():
            renamed = renamed.replace(old, new)
        if "c_attn" in name:
            for i, part in enumerate("qkv"):
                at = renamed.replace("attn.c_attn", f"self_attn.{part}_proj")
                found[at] = values[64 * i : 64 * (i + 1)]
        else:
            found[renamed] = values
    return found


_HF = "QWenLMHeadModel"

CASES = (
    Case(
        "released",
        _HF,
        _CONFIG,
        shapes=_SHAPES,
        twin=Twin("Qwen2ForCausalLM", tiny(num_key_value_heads=4, rms_norm_eps=1e-6), _twin),
        peer_differs={
            "context_length|norm_(rms_)?epsilon": "the converter does not read seq_length, and "
            "calls the epsilon of an RMS norm that of a norm with mean; llama.cpp does not load it"
        },
    ),
    Case("biases", _HF, {**_CONFIG, "no_bias": False}, shapes=_SHAPES, refused="no_bias"),
)
