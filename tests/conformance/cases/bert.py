"""BERT and its kin."""

from __future__ import annotations

from conformance.case import Case, tiny

SMALL = tiny(num_key_value_heads=None)

CASES = (
    Case("states", "BertModel", SMALL, tokenizer="wordpiece", kind="states"),
    Case(
        "classifier",
        "BertForSequenceClassification",
        {**SMALL, "num_labels": 3},
        tokenizer="wordpiece",
        kind="scores",
        peer_differs={
            "^cls.(weight|bias)$": "the score passes through the pooler, which the peer drops",
            "pooling_type": "without it the score is not that of the first token",
        },
    ),
)
