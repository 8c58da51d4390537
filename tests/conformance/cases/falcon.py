"""Falcon: one key head, groups of them with two norms or one, as many as queries."""

from __future__ import annotations

from conformance.case import Case, Twin, tiny

SMALL = tiny(num_key_value_heads=None, intermediate_size=None)
NEW = {**SMALL, "new_decoder_architecture": True, "num_kv_heads": 2}
CONTEXT = {"context_length": "the peer writes 2048 for every Falcon"}
SAVED = "it takes num_kv_heads, which the class sets to the heads though multi_query makes it one"
# The 40B's first release, whose class was remote code.
FIRST = {
    "model_type": "RefinedWeb",
    "hidden_size": 64,
    "n_head": 4,
    "n_head_kv": 2,
    "n_layer": 2,
    "layer_norm_epsilon": 1e-5,
    "parallel_attn": True,
    "alibi": False,
    "bias": False,
    "apply_residual_connection_post_layernorm": False,
}
LAYER = {
    "self_attention.query_key_value.weight": (128, 64),
    "self_attention.dense.weight": (64, 64),
    "mlp.dense_h_to_4h.weight": (256, 64),
    "mlp.dense_4h_to_h.weight": (64, 256),
    **{f"{norm}.{part}": (64,) for norm in ("ln_attn", "ln_mlp") for part in ("weight", "bias")},
}
SHAPES = {
    "transformer.word_embeddings.weight": (274, 64),
    **{f"transformer.h.{n}.{name}": shape for n in (0, 1) for name, shape in LAYER.items()},
    "transformer.ln_f.weight": (64,),
    "transformer.ln_f.bias": (64,),
    "lm_head.weight": (274, 64),
}

CASES = (
    Case("multi_query", "FalconForCausalLM", SMALL, peer_fails=SAVED),
    Case(
        "released_7b", "FalconForCausalLM", SMALL, changes={"num_kv_heads": None}, peer_fails=SAVED
    ),
    Case("new_decoder", "FalconForCausalLM", NEW, peer_differs=CONTEXT),
    Case(
        "one_norm",
        "FalconForCausalLM",
        {**NEW, "num_ln_in_parallel_attn": 1, "tie_word_embeddings": False},
        peer_differs=CONTEXT,
    ),
    Case("ungrouped", "FalconForCausalLM", {**SMALL, "multi_query": False}, peer_differs=CONTEXT),
    Case(
        "inner_width",
        "FalconForCausalLM",
        {
            **NEW,
            "ffn_hidden_size": 96,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
        },
        peer_differs={
            **CONTEXT,
            "rope.freq_base": "the peer leaves it to the runtime's default, which is 10000",
            "feed_forward_length": "the peer takes four times the width for granted",
        },
    ),
    Case(
        "first_release",
        "RWForCausalLM",
        FIRST,
        shapes=SHAPES,
        twin=Twin("FalconForCausalLM", {**NEW, "tie_word_embeddings": False}, dict),
    ),
    Case("alibi", "FalconForCausalLM", {**SMALL, "alibi": True}, refused="alibi"),
    Case("bias", "FalconForCausalLM", {**SMALL, "bias": True}, refused="bias"),
    Case(
        "sequential",
        "FalconForCausalLM",
        {**SMALL, "parallel_attn": False},
        refused="parallel_attn",
    ),
)
