"""Nomic BERT: as transformers' class saves it, and as it was released."""

from __future__ import annotations

from conformance.case import Case, Twin, tiny

SMALL = tiny(num_key_value_heads=None)
STATES = {"tokenizer": "wordpiece", "kind": "states"}
NORM = {"weight": (64,), "bias": (64,)}
LAYER = {
    "attn.Wqkv.weight": (192, 64),
    "attn.out_proj.weight": (64, 64),
    **{f"norm{i}.{part}": shape for i in (1, 2) for part, shape in NORM.items()},
}
EMBEDDINGS = {
    "embeddings.word_embeddings.weight": (91, 64),
    "embeddings.token_type_embeddings.weight": (2, 64),
    **{f"emb_ln.{part}": shape for part, shape in NORM.items()},
}
GATED = {"mlp.fc11.weight": (96, 64), "mlp.fc12.weight": (96, 64), "mlp.fc2.weight": (64, 96)}
# The first release's config.json, with the fields that its code reads.
RELEASED = {
    "model_type": "nomic_bert",
    "activation_function": "swiglu",
    "causal": False,
    "layer_norm_epsilon": 1e-12,
    "max_trained_positions": 2048,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "n_embd": 64,
    "n_head": 4,
    "n_inner": 96,
    "n_layer": 2,
    "n_positions": 8192,
    "parallel_block": False,
    "prenorm": False,
    "qkv_proj_bias": False,
    "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "rotary_scaling_factor": 2,
    "scale_attn_weights": True,
    "type_vocab_size": 2,
    "use_rms_norm": False,
}
# The peer asks transformers' class, which knows none of the released names.
FIELDS = "(block_count|embedding_length|feed_forward_length|head_count|(key|value)_length)$"
CLASS = {FIELDS: "the peer takes the defaults of transformers' class, which reads other names"}


def shapes(*layers: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return all tensors of a model whose layers have these beside attention and norms."""
    named = {
        f"encoder.layers.{n}.{name}": shape
        for n, own in enumerate(layers)
        for name, shape in (LAYER | own).items()
    }
    return EMBEDDINGS | named


CASES = (
    Case(
        "states", "NomicBertModel", SMALL, **STATES, peer_fails="it knows the released names only"
    ),
    Case(
        "released",
        "NomicBertModel",
        RELEASED,
        **STATES,
        shapes=shapes(GATED, GATED),
        twin=Twin("NomicBertModel", SMALL, dict),
        peer_differs=CLASS,
    ),
    Case("relu", "NomicBertModel", {**SMALL, "hidden_act": "relu"}, **STATES, refused="hidden_act"),
)
