"""OLMo 2 and 3."""

from __future__ import annotations

from conformance.case import Case, tiny

TIED = "llama.cpp does not load the file without output.weight, so the embedding is copied"
YARN = {
    "rope_type": "yarn",
    "rope_theta": 500000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
}
PLAIN = {"rope_type": "default", "rope_theta": 500000.0}

CASES = (
    Case("untied", "Olmo2ForCausalLM", tiny()),
    Case("one_key_head", "Olmo2ForCausalLM", tiny(num_key_value_heads=1)),
    Case(
        "tied",
        "Olmo2ForCausalLM",
        tiny(tie_word_embeddings=True),
        peer_differs={"^output.weight$": TIED},
    ),
    Case("windows", "Olmo3ForCausalLM", tiny(sliding_window=8, num_hidden_layers=5)),
    Case(
        "windows_and_yarn",
        "Olmo3ForCausalLM",
        tiny(
            sliding_window=8,
            num_hidden_layers=4,
            rope_parameters={"full_attention": YARN, "sliding_attention": PLAIN},
        ),
    ),
    Case(
        "older_yarn",
        "Olmo3ForCausalLM",
        tiny(sliding_window=8, num_hidden_layers=4),
        changes={
            "rope_parameters": None,
            "rope_theta": 500000.0,
            "rope_scaling": {name: value for name, value in YARN.items() if name != "rope_theta"},
        },
        peer_differs={"freq_base_swa": "the runtime takes the base of the other layers"},
    ),
    Case(
        "two_bases",
        "Olmo3ForCausalLM",
        tiny(
            rope_parameters={
                "full_attention": PLAIN,
                "sliding_attention": {**PLAIN, "rope_theta": 100.0},
            }
        ),
        refused="rope_parameters.sliding_attention",
    ),
    Case(
        "other_layers",
        "Olmo3ForCausalLM",
        tiny(sliding_window=8, layer_types=["full_attention", "sliding_attention"]),
    ),
    Case(
        "no_windows",
        "Olmo3ForCausalLM",
        tiny(layer_types=["full_attention", "full_attention"]),
        peer_differs={"sliding_window": "the runtime aborts on a window that no layer has"},
    ),
    Case("biases", "Olmo2ForCausalLM", tiny(attention_bias=True), refused="attention_bias"),
)
