"""ModernBERT: windows, both activations, classifiers."""

from __future__ import annotations

from conformance.case import Case, tiny

SMALL = {
    **tiny(num_key_value_heads=None, num_hidden_layers=4),
    "local_attention": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "cls_token_id": 1,
    "sep_token_id": 2,
}
STATES = {"tokenizer": "gpt2", "kind": "states"}
SCORES = {"tokenizer": "gpt2", "kind": "scores"}
FULL, SLIDING = "full_attention", "sliding_attention"
KEYS = {
    "layer_norm_epsilon": "the peer takes layer_norm_eps, which the class does not have",
    "layer_norm_rms_epsilon": "the peer takes norm_eps for that of an RMS norm, of which is none",
    "classifier.pooling_type": "a key that no loader of llama.cpp reads",
}
PERIOD = {"sliding_window_pattern": "the peer takes the class's of old only"}
RANK = {"pooling_type": "without it llama.cpp gives states, not a score"}
# As releases have it.
RELEASED = {
    "layer_norm_eps": 1e-5,
    "global_attn_every_n_layers": 3,
    "layer_types": None,
    "rope_parameters": None,
    "global_rope_theta": 160000.0,
    "local_rope_theta": 10000.0,
    "position_embedding_type": "absolute",
    "reference_compile": True,
}

CASES = (
    Case("states", "ModernBertModel", SMALL, **STATES, peer_differs=KEYS | PERIOD),
    Case(
        "released",
        "ModernBertModel",
        SMALL,
        **STATES,
        changes=RELEASED,
        peer_differs=dict(list(KEYS.items())[1:]),
    ),
    Case(
        "silu",
        "ModernBertModel",
        {**SMALL, "hidden_activation": "silu", "layer_types": [FULL, SLIDING, FULL, SLIDING]},
        **STATES,
        peer_differs=KEYS | PERIOD,
    ),
    Case(
        "classifier",
        "ModernBertForSequenceClassification",
        {**SMALL, "num_labels": 3, "classifier_pooling": "mean"},
        **SCORES,
        peer_differs=KEYS | PERIOD | RANK,
    ),
    Case(
        "classifier_of_first_token",
        "ModernBertForSequenceClassification",
        {**SMALL, "num_labels": 3},
        **SCORES,
        refused="classifier_pooling is .cls",
    ),
    Case(
        "odd_windows",
        "ModernBertModel",
        {**SMALL, "layer_types": [SLIDING, FULL, FULL, SLIDING]},
        **STATES,
        refused="layer_types",
    ),
    Case("biases", "ModernBertModel", {**SMALL, "norm_bias": True}, **STATES, refused="norm_bias"),
)
