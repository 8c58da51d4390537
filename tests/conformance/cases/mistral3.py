"""Ministral 3, and Mistral Small 3 with its vision part."""

from __future__ import annotations

from conformance.case import Case, tiny

YARN = {
    "rope_type": "yarn",
    "rope_theta": 1000000.0,
    "factor": 16.0,
    "original_max_position_embeddings": 8,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 1.0,
    "llama_4_scaling_beta": 0.1,
}
RAMP = {**YARN, "beta_fast": 4.0, "beta_slow": 0.5, "original_max_position_embeddings": 64}
SMALL = tiny(head_dim=32)
VISION = {"model_type": "pixtral", **tiny(num_key_value_heads=None, image_size=32, patch_size=16)}


def wrapped(model_type: str, **changes: object) -> dict[str, object]:
    """Return the config of the model with its vision part."""
    return {"text_config": {"model_type": model_type, **SMALL, **changes}, "vision_config": VISION}


CASES = (
    Case("untied", "Ministral3ForCausalLM", {**SMALL, "rope_parameters": YARN}),
    Case(
        "tied",
        "Ministral3ForCausalLM",
        {**tiny(head_dim=16), "rope_parameters": YARN, "tie_word_embeddings": True},
        tokenizer="spm",
    ),
    Case("ramp", "Ministral3ForCausalLM", {**SMALL, "rope_parameters": RAMP}),
    Case(
        "mscale",
        "Ministral3ForCausalLM",
        {**SMALL, "rope_parameters": {**YARN, "mscale": 0.7}},
        peer_differs={"attn_factor": "the runtime takes mscale for 1; this corrects it"},
    ),
    Case(
        "wrapped",
        "Mistral3ForConditionalGeneration",
        wrapped("ministral3", rope_parameters=YARN),
    ),
    Case(
        "wrapped_mistral",
        "Mistral3ForConditionalGeneration",
        wrapped("mistral", sliding_window=None),
    ),
    Case(
        "sliding_window",
        "Ministral3ForCausalLM",
        {**SMALL, "rope_parameters": YARN, "sliding_window": 8},
        noted="sliding_window is 8",
        runtime_wrong="the graph attends to the whole context, as the note says",
    ),
    Case("gelu", "Ministral3ForCausalLM", {**SMALL, "hidden_act": "gelu"}, refused="hidden_act"),
)
