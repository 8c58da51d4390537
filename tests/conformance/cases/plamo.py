"""PLaMo: remote code only."""

from __future__ import annotations

from conformance.case import Case, Tensors

CONFIG = {
    "model_type": "plamo",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "n_shared_head": 2,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
}
LAYER = {
    "self_attn.q_proj": (64, 64),
    "self_attn.k_proj": (32, 64),
    "self_attn.v_proj": (32, 64),
    "self_attn.o_proj": (64, 64),
    "mlp.gate_proj": (96, 64),
    "mlp.up_proj": (96, 64),
    "mlp.down_proj": (64, 96),
    "norm": (64,),
}
SHAPES = {
    "model.embed_tokens.weight": (309, 64),
    "model.norm.weight": (64,),
    "lm_head.weight": (309, 64),
    **{
        f"model.layers.layers.{n}.{name}.weight": shape
        for n in (0, 1)
        for name, shape in LAYER.items()
    },
}


def by_key_head(stored: Tensors) -> Tensors:
    """Return the queries that share a key head one after the other, and what reads them alike.

    The model repeats its key heads 0 and 1 as 0, 1, 0, 1; the runtime repeats each as 0, 0, 1, 1.
    """
    found = {}
    for n in (0, 1):
        at = f"model.layers.layers.{n}.self_attn"
        queries = stored[f"{at}.q_proj.weight"].reshape(2, 2, 16, 64)
        outputs = stored[f"{at}.o_proj.weight"].reshape(64, 2, 2, 16)
        found[f"blk.{n}.attn_q.weight"] = queries.swapaxes(0, 1).reshape(64, 64)
        found[f"blk.{n}.attn_output.weight"] = outputs.swapaxes(1, 2).reshape(64, 64)
    return found


CASES = (
    Case(
        "shared_heads",
        "PlamoForCausalLM",
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        statement=by_key_head,
        peer_fails="it knows the sizes of the one released model only",
    ),
)
