"""NeoBERT: remote code only, held against EuroBERT's class with the same weights."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, Twin, tiny

HEADS, SIZE, INNER = 4, 16, 64
CONFIG = {
    "model_type": "neobert",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "intermediate_size": 96,
    "max_length": 128,
    "norm_eps": 1e-6,
}
LAYER = {
    "attention_norm.weight": (64,),
    "qkv.weight": (192, 64),
    "wo.weight": (64, 64),
    "ffn_norm.weight": (64,),
    "ffn.w12.weight": (2 * INNER, 64),
    "ffn.w3.weight": (64, INNER),
}
SHAPES = {
    "model.encoder.weight": (91, 64),
    **{f"model.transformer_encoder.{n}.{k}": shape for n in (0, 1) for k, shape in LAYER.items()},
    "model.layer_norm.weight": (64,),
    "decoder.weight": (91, 64),
    "decoder.bias": (91,),
}
EURO = tiny(
    num_key_value_heads=HEADS,
    intermediate_size=INNER,
    rms_norm_eps=1e-6,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    mask_token_id=3,
)


def euro(stored: Tensors) -> Tensors:
    """Return the weights as EuroBERT has them: heads apart, halves rotated instead of pairs."""
    found = {
        "embed_tokens.weight": stored["model.encoder.weight"],
        "norm.weight": stored["model.layer_norm.weight"],
    }
    for n in (0, 1):
        layer = {name: stored[f"model.transformer_encoder.{n}.{name}"] for name in LAYER}
        heads = layer["qkv.weight"].reshape(HEADS, 3, SIZE, 64)
        halves = np.concatenate([heads[:, :, 0::2], heads[:, :, 1::2]], axis=2)
        gate, up = np.split(layer["ffn.w12.weight"], 2)
        own = {
            "input_layernorm": layer["attention_norm.weight"],
            "self_attn.q_proj": halves[:, 0].reshape(64, 64),
            "self_attn.k_proj": halves[:, 1].reshape(64, 64),
            "self_attn.v_proj": heads[:, 2].reshape(64, 64),
            "self_attn.o_proj": layer["wo.weight"],
            "post_attention_layernorm": layer["ffn_norm.weight"],
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": layer["ffn.w3.weight"],
        }
        found |= {f"layers.{n}.{name}.weight": value for name, value in own.items()}
    return found


CASES = (
    Case(
        "states",
        "NeoBERTLMHead",
        CONFIG,
        tokenizer="wordpiece",
        kind="states",
        shapes=SHAPES,
        twin=Twin("EuroBertModel", EURO, euro),
        peer_differs={
            "attn_qkv": "the peer leaves queries, keys and values head by head, the graph wants "
            "them apart, as the comparison with EuroBERT's class shows",
        },
    ),
)
