"""EuroBERT."""

from __future__ import annotations

from conformance.case import Case, tiny

IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "mask_token_id": 3}
SMALL = {**tiny(), **IDS}
STATES = {"tokenizer": "llama3", "kind": "states"}

CASES = (
    Case(
        "grouped",
        "EuroBertModel",
        {**SMALL, "classifier_pooling": "mean"},
        **STATES,
        peer_differs={"classifier.pooling_type": "a key that no loader of llama.cpp reads"},
    ),
    Case(
        "ungrouped",
        "EuroBertModel",
        {**SMALL, "num_key_value_heads": 4},
        **STATES,
        peer_fails="it knows two of the class's three ways of classifying",
    ),
    Case(
        "biases",
        "EuroBertModel",
        {**SMALL, "attention_bias": True},
        **STATES,
        refused="attention_bias",
    ),
)
