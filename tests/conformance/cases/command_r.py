"""Command R."""

from __future__ import annotations

from conformance.case import Case, tiny

CASES = (
    Case("tied", "CohereForCausalLM", tiny()),
    Case("one_key_head", "CohereForCausalLM", tiny(num_key_value_heads=1, logit_scale=0.5)),
    Case("longer_than_said", "CohereForCausalLM", tiny(), changes={"model_max_length": 512}),
    Case(
        "head_norms",
        "CohereForCausalLM",
        tiny(
            num_hidden_layers=64,
            use_qk_norm=True,
            hidden_size=32,
            intermediate_size=32,
            num_attention_heads=2,
            num_key_value_heads=1,
        ),
    ),
    Case(
        "linear",
        "CohereForCausalLM",
        tiny(rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}),
        peer_differs={"rope.scaling.type": "it says that nothing is scaled"},
    ),
    Case("few_layers", "CohereForCausalLM", tiny(use_qk_norm=True), refused="use_qk_norm is true"),
    Case("biases", "CohereForCausalLM", tiny(attention_bias=True), refused="attention_bias"),
    Case(
        "untied",
        "CohereForCausalLM",
        tiny(tie_word_embeddings=False),
        refused="tie_word_embeddings is false",
    ),
)
