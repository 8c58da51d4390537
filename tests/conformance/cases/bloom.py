"""BLOOM: ALiBi for any number of heads, the class's old and new spellings."""

from __future__ import annotations

from conformance.case import Case

SMALL = {"hidden_size": 64, "n_layer": 2, "n_head": 4}
CONTEXT = {"context_length": "without seq_length the peer takes the width for the context"}
FIELD = "apply_residual_connection_post_layernorm"

CASES = (
    Case("tied", "BloomForCausalLM", SMALL, peer_differs=CONTEXT),
    Case("untied", "BloomForCausalLM", {**SMALL, "tie_word_embeddings": False, "seq_length": 256}),
    Case(
        "heads_no_power_of_two",
        "BloomForCausalLM",
        {**SMALL, "hidden_size": 96, "n_head": 6},
        peer_differs=CONTEXT,
    ),
    Case(
        "old_spelling",
        "BloomForCausalLM",
        SMALL,
        changes={
            "hidden_size": None,
            "n_head": None,
            "n_embed": 64,
            "num_attention_heads": 4,
            "offset_alibi": 100,
            "bias_dropout_fusion": True,
        },
        peer_differs=CONTEXT,
    ),
    Case("states", "BloomModel", SMALL, kind="states", peer_differs=CONTEXT),
    Case("residual_of_norm", "BloomForCausalLM", {**SMALL, FIELD: True}, refused=FIELD),
)
