"""Jina embeddings v3: as transformers' class saves it, and as released, with adapters."""

from __future__ import annotations

import re

from conformance.case import Case, Tensors, Twin, tiny

SMALL = {
    **tiny(num_key_value_heads=None, max_position_embeddings=130),
    "type_vocab_size": 1,
}
STATES = {"tokenizer": "unigram", "kind": "states"}
LINEAR = {
    "encoder.layers.{n}.mixer.Wqkv": (192, 64),
    "encoder.layers.{n}.mixer.out_proj": (64, 64),
    "encoder.layers.{n}.mlp.fc1": (96, 64),
    "encoder.layers.{n}.mlp.fc2": (64, 96),
    "pooler.dense": (64, 64),
}
EMBEDDINGS = {
    "embeddings.word_embeddings": (41, 64),
    "embeddings.token_type_embeddings": (1, 64),
}
NORMS = ("emb_ln", "encoder.layers.{n}.norm1", "encoder.layers.{n}.norm2")
ADAPTERS = ["retrieval.query", "separation"]


def released() -> dict[str, tuple[int, ...]]:
    """Return the tensors of the release: two adapters on every matrix."""
    found = {}
    for name, (rows, columns) in (EMBEDDINGS | LINEAR).items():
        at = f"{name}.parametrizations.weight"
        found[f"{at}.original"] = (rows, columns)
        found[f"{at}.0.lora_A"] = (2, 4, columns)
        found[f"{at}.0.lora_B"] = (2, rows, 4)
        if name in LINEAR:
            found[f"{name}.bias"] = (rows,)
    found |= {f"{name}.{part}": (64,) for name in NORMS for part in ("weight", "bias")}
    return {
        f"roberta.{name.format(n=n)}": shape
        for name, shape in found.items()
        for n in range(2 if "{n}" in name else 1)
    }


def without_adapters(stored: Tensors) -> Tensors:
    """Return the matrices that the adapters change, under the names of the class."""
    return {
        re.sub(r"\.parametrizations\.(.*)\.original$", r".\1", name.removeprefix("roberta.")): value
        for name, value in stored.items()
        if "lora" not in name
    }


CASES = (
    Case(
        "states",
        "JinaEmbeddingsV3Model",
        SMALL,
        **STATES,
        peer_fails="it has no place for the class",
    ),
    Case(
        "released",
        "XLMRobertaModel",
        {
            **SMALL,
            "model_type": "xlm-roberta",
            "pad_token_id": 1,
            "layer_norm_eps": 1e-5,
            "hidden_act": "gelu",
            "rotary_emb_base": 20000.0,
            "position_embedding_type": "rotary",
            "lora_adaptations": ADAPTERS,
            "lora_alpha": 1,
            "lora_rank": 4,
            "task_instructions": dict.fromkeys(ADAPTERS, "Represent this: "),
        },
        **STATES,
        shapes=released(),
        twin=Twin("JinaEmbeddingsV3Model", SMALL, without_adapters),
        noted="the adapters .retrieval.query, separation. are left out",
    ),
    Case(
        "learned_positions",
        "JinaEmbeddingsV3Model",
        SMALL,
        tokenizer="unigram",
        changes={"position_embedding_type": "absolute"},
        refused="position_embedding_type",
    ),
)
