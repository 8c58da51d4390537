"""GPTBigCode: one key head or as many as queries."""

from __future__ import annotations

from conformance.case import Case

SMALL = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128}
HEADS = {
    "attn_qkv": "the peer writes the heads one after the other as they are stored",
    "head_count_kv": "the peer writes one key head for every GPTBigCode",
}

CASES = (
    Case("multi_query", "GPTBigCodeForCausalLM", SMALL),
    Case("untied", "GPTBigCodeForCausalLM", {**SMALL, "tie_word_embeddings": False}),
    Case(
        "multi_head",
        "GPTBigCodeForCausalLM",
        {**SMALL, "multi_query": False},
        peer_differs=HEADS,
    ),
    Case(
        "inner_width",
        "GPTBigCodeForCausalLM",
        {**SMALL, "n_inner": 96, "activation_function": "gelu"},
        peer_differs={"feed_forward_length": "the peer takes four times the width for granted"},
    ),
    Case(
        "unscaled",
        "GPTBigCodeForCausalLM",
        {**SMALL, "scale_attn_weights": False},
        refused="scale_attn_weights",
    ),
)
