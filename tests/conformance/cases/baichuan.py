"""Baichuan, whose class only remote code has; Llama computes the same as the smaller one."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, Twin, tiny
from conformance.shapes import HEADS, INNER, WIDTH, decoder

CLASS = "BaichuanForCausalLM"
LAYER = {
    "input_layernorm.weight": (WIDTH,),
    "self_attn.W_pack.weight": (3 * WIDTH, WIDTH),
    "self_attn.o_proj.weight": (WIDTH, WIDTH),
    "mlp.gate_proj.weight": (INNER, WIDTH),
    "mlp.up_proj.weight": (INNER, WIDTH),
    "mlp.down_proj.weight": (WIDTH, INNER),
    "post_attention_layernorm.weight": (WIDTH,),
}

ENDLESS = "its own function calls itself for every tensor but the packed ones"


def config(layers: int) -> dict[str, object]:
    """Return config.json of a model with this many layers."""
    small = tiny(num_hidden_layers=layers, num_key_value_heads=None, rms_norm_eps=1e-6)
    return {"model_type": "baichuan", **small, "hidden_act": "silu"}


def twin(tensors: Tensors) -> Tensors:
    """Return the weights with queries, keys and values apart."""
    made = {}
    for name, values in tensors.items():
        if "W_pack" in name:
            at = name.partition("W_pack")[0]
            for kind, part in zip("qkv", np.split(values, 3), strict=True):
                made[f"{at}{kind}_proj.weight"] = part
        else:
            made[name] = values
    return made


CASES = (
    Case(
        "rotated",
        CLASS,
        config(32),
        tokenizer="spm",
        shapes=decoder("spm", LAYER, layers=32),
        twin=Twin(
            "LlamaForCausalLM",
            tiny(num_hidden_layers=32, num_key_value_heads=HEADS, rms_norm_eps=1e-6),
            twin,
        ),
        peer_fails=ENDLESS,
    ),
    Case(
        "biased",
        CLASS,
        config(40),
        tokenizer="spm",
        shapes=decoder("spm", LAYER, layers=40),
        peer_fails=ENDLESS,
    ),
    Case(
        "layers",
        CLASS,
        config(2),
        tokenizer="spm",
        shapes=decoder("spm", LAYER),
        refused="num_hidden_layers",
    ),
)
