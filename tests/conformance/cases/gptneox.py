"""GPT-NeoX: parallel and sequential residuals, parts of heads rotated."""

from __future__ import annotations

from conformance.case import Case, tiny

SMALL = tiny(num_key_value_heads=None)
QUARTER = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}
HALF = {"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.5}
LINEAR = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0, "partial_rotary_factor": 1.0}
FAILS = "it reads rotary_pct, which transformers moves into rope_parameters"
# As releases have it: the fields of the rotary embeddings at the top, not in an object.
RELEASED = {"rope_parameters": None, "rotary_pct": 0.25, "rotary_emb_base": 10000}

CASES = (
    Case("parallel", "GPTNeoXForCausalLM", SMALL, changes=RELEASED, peer_fails=FAILS),
    Case("saved_today", "GPTNeoXForCausalLM", {**SMALL, "rope_parameters": HALF}, peer_fails=FAILS),
    Case(
        "sequential",
        "GPTNeoXForCausalLM",
        {
            **SMALL,
            "use_parallel_residual": False,
            "rope_parameters": {**QUARTER, "partial_rotary_factor": 1.0},
        },
        changes={**RELEASED, "rotary_pct": 1.0},
        peer_fails=FAILS,
    ),
    Case(
        "silent_config",
        "GPTNeoXForCausalLM",
        SMALL,
        changes={"rope_parameters": None},
        peer_fails=FAILS,
    ),
    Case("tied", "GPTNeoXForCausalLM", {**SMALL, "tie_word_embeddings": True}, peer_fails=FAILS),
    Case(
        "linear_rope", "GPTNeoXForCausalLM", {**SMALL, "rope_parameters": LINEAR}, peer_fails=FAILS
    ),
    Case(
        "no_bias",
        "GPTNeoXForCausalLM",
        {**SMALL, "attention_bias": False},
        refused="attention_bias",
    ),
    Case("relu", "GPTNeoXForCausalLM", {**SMALL, "hidden_act": "relu"}, refused="hidden_act"),
)
