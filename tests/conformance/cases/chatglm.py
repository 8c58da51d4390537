"""GLM of transformers, and ChatGLM of remote code."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "GlmForCausalLM"
_PEER = {
    "context_length|rms_epsilon|freq_base": "the converter reads the names that remote code has, "
    "and takes its own numbers where transformers' class has others"
}

_REMOTE = {
    "model_type": "chatglm",
    "num_layers": 2,
    "hidden_size": 64,
    "ffn_hidden_size": 96,
    "num_attention_heads": 4,
    "kv_channels": 16,
    "multi_query_attention": True,
    "multi_query_group_num": 2,
    "seq_length": 128,
    "layernorm_epsilon": 1.5625e-7,
    "rope_ratio": 500,
    "add_qkv_bias": True,
    "add_bias_linear": False,
    "rmsnorm": True,
    "tie_word_embeddings": False,
    "padded_vocab_size": 273,
}


def _remote() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.embedding.word_embeddings.weight": (273, 64),
        "transformer.rotary_pos_emb.inv_freq": (4,),
        "transformer.encoder.final_layernorm.weight": (64,),
        "transformer.output_layer.weight": (273, 64),
    }
    for n in (0, 1):
        layer = f"transformer.encoder.layers.{n}."
        shapes |= {
            f"{layer}input_layernorm.weight": (64,),
            f"{layer}self_attention.query_key_value.weight": (128, 64),
            f"{layer}self_attention.query_key_value.bias": (128,),
            f"{layer}self_attention.dense.weight": (64, 64),
            f"{layer}post_attention_layernorm.weight": (64,),
            f"{layer}mlp.dense_h_to_4h.weight": (192, 64),
            f"{layer}mlp.dense_4h_to_h.weight": (64, 96),
        }
    return shapes


def _small(**changes: Any) -> dict[str, Any]:
    return tiny(pad_token_id=0, eos_token_id=0, **changes)


CASES = (
    Case("glm", _HF, _small(head_dim=16), peer_differs=_PEER),
    Case(
        "glm_tied_no_bias",
        _HF,
        _small(head_dim=16, tie_word_embeddings=True, attention_bias=False),
        peer_differs=_PEER,
    ),
    Case("glm_long_heads", _HF, _small(head_dim=32), refused="heads of 32 are not the width"),
    Case("remote", "ChatGLMModel", _REMOTE, shapes=_remote()),
)
