"""Qwen 3, dense."""

from __future__ import annotations

from conformance.case import Case, tiny

CASES = (
    Case("untied", "Qwen3ForCausalLM", tiny(head_dim=32), tokenizer="qwen2"),
    Case("tied", "Qwen3ForCausalLM", tiny(tie_word_embeddings=True), tokenizer="qwen2"),
    Case("head_dim_derived", "Qwen3ForCausalLM", tiny(head_dim=16), tokenizer="qwen2"),
    Case(
        "biases",
        "Qwen3ForCausalLM",
        tiny(attention_bias=True),
        tokenizer="qwen2",
        refused="attention_bias",
    ),
    Case(
        "scores",
        "Qwen3ForSequenceClassification",
        tiny(num_labels=3, pad_token_id=0),
        tokenizer="qwen2",
        kind="scores",
        runtime_wrong="llama.cpp gives the softmax of the scores, made for rerankers; "
        "src/llama-graph.cpp, build_pooling",
        noted="softmax",
        peer_fails="it takes the class for a reranker and asks for the tokens yes and no",
    ),
    Case(
        "one_score",
        "Qwen3ForSequenceClassification",
        tiny(num_labels=1, pad_token_id=0),
        tokenizer="qwen2",
        refused="always 1",
    ),
)
