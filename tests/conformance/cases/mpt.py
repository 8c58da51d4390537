"""MPT: the class's settings, and those of its remote code."""

from __future__ import annotations

from conformance.case import Case

SMALL = {"d_model": 64, "n_layers": 2, "n_heads": 4, "max_seq_len": 128}
CLASS = "it knows the class by its old name only"
OLD = {"architectures": ["MPTForCausalLM"]}
MORE = {"attn_config.alibi_bias_max": 16}

CASES = (
    Case("today", "MptForCausalLM", SMALL, peer_fails=CLASS),
    Case("old_name", "MptForCausalLM", SMALL, changes=OLD),
    Case(
        "clipped",
        "MptForCausalLM",
        {**SMALL, "attn_config": {"clip_qkv": 0.5}, "tie_word_embeddings": False},
        changes=OLD,
    ),
    Case(
        "heads_no_power_of_two",
        "MptForCausalLM",
        {**SMALL, "d_model": 96, "n_heads": 6},
        changes=OLD,
    ),
    Case(
        "steeper_alibi",
        "MptForCausalLM",
        SMALL,
        changes=OLD | MORE,
        noted="alibi_bias_max is 16",
        runtime_wrong="transformers' class computes with 8, the model's own code does not",
    ),
    Case(
        "softmax_scale",
        "MptForCausalLM",
        {**SMALL, "attn_config": {"softmax_scale": 0.5}},
        refused="softmax_scale",
    ),
    Case("logit_scale", "MptForCausalLM", {**SMALL, "logit_scale": 0.5}, refused="logit_scale"),
)
