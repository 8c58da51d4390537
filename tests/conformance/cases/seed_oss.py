"""Seed-OSS."""

from __future__ import annotations

from conformance.case import Case, tiny

CASES = (
    Case("untied", "SeedOssForCausalLM", tiny(head_dim=32)),
    Case("tied", "SeedOssForCausalLM", tiny(head_dim=16, tie_word_embeddings=True)),
    Case("without_biases", "SeedOssForCausalLM", tiny(head_dim=16, attention_bias=False)),
    Case(
        "output_bias",
        "SeedOssForCausalLM",
        tiny(head_dim=16, attention_out_bias=True),
        refused="attention_out_bias",
    ),
    Case("mlp_bias", "SeedOssForCausalLM", tiny(head_dim=16, mlp_bias=True), refused="mlp_bias"),
)
