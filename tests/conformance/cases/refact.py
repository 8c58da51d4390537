"""Refact, whose class only remote code has."""

from __future__ import annotations

from conformance.case import Case, Tensors
from conformance.shapes import HEAD, WIDTH, decoder, stated

CLASS = "GPTRefactForCausalLM"
INNER = 256
CONFIG = {
    "model_type": "gpt_refact",
    "n_embd": WIDTH,
    "n_head": 4,
    "n_layer": 2,
    "n_positions": 128,
    "layer_norm_epsilon": 1e-5,
    "multi_query": True,
}
LAYER = {
    "ln_1.weight": (WIDTH,),
    "attn.q.weight": (WIDTH, WIDTH),
    "attn.kv.weight": (2 * HEAD, WIDTH),
    "attn.c_proj.weight": (WIDTH, WIDTH),
    "ln_2.weight": (WIDTH,),
    "mlp.gate_up_proj.weight": (2 * INNER, WIDTH),
    "mlp.c_proj.weight": (WIDTH, INNER),
}
AT = "transformer.h.{n}."
SHAPES = decoder("gpt2", LAYER, at=AT, names=("transformer.wte", "transformer.ln_f", "lm_head"))


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: key and value, gate and up apart."""
    outside = {
        "transformer.wte.weight": "token_embd.weight",
        "transformer.ln_f.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    names = ("attn_norm", "attn_q", "", "attn_output", "ffn_norm", "", "ffn_down")
    layer = {old: f"{new}.weight" for old, new in zip(LAYER, names, strict=True) if new}
    made = dict(stated(tensors, outside, layer, at=AT))
    for n in (0, 1):
        both = tensors[f"transformer.h.{n}.attn.kv.weight"]
        made[f"blk.{n}.attn_k.weight"], made[f"blk.{n}.attn_v.weight"] = both[:HEAD], both[HEAD:]
        both = tensors[f"transformer.h.{n}.mlp.gate_up_proj.weight"]
        made[f"blk.{n}.ffn_gate.weight"], made[f"blk.{n}.ffn_up.weight"] = (
            both[:INNER],
            both[INNER:],
        )
    return made


CASES = (
    Case("untied", CLASS, CONFIG, shapes=SHAPES, statement=statement),
    Case("heads", CLASS, {**CONFIG, "multi_query": False}, shapes=SHAPES, refused="multi_query"),
)
