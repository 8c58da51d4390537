"""Jina embeddings v2: remote code only."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors

CONFIG = {
    "model_type": "bert",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 8192,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "position_embedding_type": "alibi",
    "feed_forward_type": "geglu",
    "emb_pooler": "mean",
}
MATRICES = {
    "attention.self.query": (64, 64),
    "attention.self.key": (64, 64),
    "attention.self.value": (64, 64),
    "attention.output.dense": (64, 64),
}
TEXT = {"mlp.wo": (64, 96)}
CODE = {"mlp.down_layer": (64, 96)}


def shapes(
    matrices: dict[str, tuple[int, int]], norms: tuple[str, ...], fused: str
) -> dict[str, tuple[int, ...]]:
    """Return all tensors, `matrices` and `norms` being a layer's own."""
    layer: dict[str, tuple[int, ...]] = {f"{fused}.weight": (192, 64)}
    for name, shape in (MATRICES | matrices).items():
        layer |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in ("attention.output.LayerNorm", *norms):
        layer |= {f"{name}.{part}": (64,) for part in ("weight", "bias")}
    return {
        "embeddings.word_embeddings.weight": (91, 64),
        "embeddings.token_type_embeddings.weight": (2, 64),
        "embeddings.LayerNorm.weight": (64,),
        "embeddings.LayerNorm.bias": (64,),
        "pooler.dense.weight": (64, 64),
        "pooler.dense.bias": (64,),
        **{f"encoder.layer.{n}.{name}": shape for n in (0, 1) for name, shape in layer.items()},
    }


def gate_first(stored: Tensors) -> Tensors:
    """Return the fused matrices, whose second half goes through the activation, turned around."""
    return {
        f"blk.{n}.ffn_up.weight": np.roll(
            stored[f"encoder.layer.{n}.mlp.up_gated_layer.weight"], 96, axis=0
        )
        for n in (0, 1)
    }


TEXTS = shapes(TEXT, ("mlp.layernorm",), "mlp.gated_layers")
CODES = shapes(
    CODE,
    ("attention.self.layer_norm_q", "attention.self.layer_norm_k", "layer_norm_1", "layer_norm_2"),
    "mlp.up_gated_layer",
)
REMOTE = {"tokenizer": "wordpiece", "kind": "states"}

CASES = (
    Case("texts", "JinaBertModel", CONFIG, **REMOTE, shapes=TEXTS),
    Case(
        "code",
        "JinaBertForMaskedLM",
        CONFIG,
        **REMOTE,
        shapes=CODES,
        statement=gate_first,
        peer_differs={"ffn_up": "the peer takes the other half for the gate"},
    ),
    Case(
        "reglu",
        "JinaBertModel",
        {**CONFIG, "feed_forward_type": "reglu"},
        tokenizer="wordpiece",
        shapes=TEXTS,
        refused="feed_forward_type",
    ),
)
