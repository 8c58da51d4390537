"""Jina embeddings v3: as transformers' class saves it, and as released, with adapters."""

from __future__ import annotations

from conformance.case import Case, Tensors, Twin, tiny

SMALL = {
    **tiny(num_key_value_heads=None, max_position_embeddings=130),
    "type_vocab_size": 1,
}
STATES = {"tokenizer": "unigram", "kind": "states"}
CLASS = "it has no place for the class"

CASES = (Case("states", "JinaEmbeddingsV3Model", SMALL, **STATES, peer_fails=CLASS),)
