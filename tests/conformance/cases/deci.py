"""DeciLM and Nemotron's pruned Llamas, whose classes only remote code has."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.case import Case, Shapes, Tensors, Twin, tiny
from conformance.cases.llama import LLAMA3
from conformance.shapes import (
    HEAD,
    HEADS,
    LLAMA_NAMES,
    LLAMA_OUTSIDE,
    WIDTH,
    decoder,
    llama_layer,
    paired,
    stated,
)

CLASS = "DeciLMForCausalLM"
SMALL = {"model_type": "nemotron-nas", **tiny(hidden_act="silu", rms_norm_eps=1e-5)}
KEYS = (4, 2, 1)
LISTED = {**SMALL, "num_hidden_layers": 3, "num_key_value_heads_per_layer": list(KEYS)}


def block(group: int | None, multiple: float | None, *, linear: bool = False) -> dict[str, Any]:
    """Return what block_configs says of a layer."""
    return {
        "attention": {"n_heads_in_group": group, "replace_with_linear": linear},
        "ffn": {"ffn_mult": multiple},
    }


# Attention and feed-forward, a matrix for attention, nothing, no attention.
BLOCKS = [block(2, 1.5), block(None, 3.0, linear=True), block(None, None), block(None, 1.5)]
PRUNED = {
    **SMALL,
    "num_hidden_layers": 4,
    "num_key_value_heads": None,
    "intermediate_size": None,
    "block_configs": BLOCKS,
    "rope_scaling": LLAMA3,
    "rope_theta": 500000.0,
}


def _layers(layers: list[Shapes]) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a decoder whose layers differ."""
    return {
        **decoder("gpt2", {}),
        **{f"model.layers.{n}.{k}": v for n, layer in enumerate(layers) for k, v in layer.items()},
    }


def _pruned() -> list[Shapes]:
    whole = llama_layer()
    feed = {
        "mlp.gate_proj.weight": (256, WIDTH),
        "mlp.up_proj.weight": (256, WIDTH),
        "mlp.down_proj.weight": (WIDTH, 256),
        "post_attention_layernorm.weight": (WIDTH,),
    }
    attention = {n: s for n, s in whole.items() if n.startswith(("self_attn", "input"))}
    linear = {"self_attn.linear_attn.weight": (WIDTH, WIDTH), "input_layernorm.weight": (WIDTH,)}
    return [{**attention, **feed}, {**linear, **feed}, {}, feed]


def twin(tensors: Tensors) -> Tensors:
    """Return the weights for a class with as many key heads everywhere: each is repeated."""
    made = {}
    for name, values in tensors.items():
        new = values
        if name.endswith(("k_proj.weight", "v_proj.weight")):
            heads = values.reshape(-1, HEAD, WIDTH)
            new = np.repeat(heads, HEADS // len(heads), axis=0).reshape(-1, WIDTH)
        made[name] = new
    return made


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds, without the factors of the rotation."""

    def sorted_by_pairs(name: str, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        counts = {"attn_q.weight": HEADS, "attn_k.weight": HEADS // 2}
        return paired(values, counts[name]) if name in counts else values

    names = {**LLAMA_NAMES, "self_attn.linear_attn.weight": "attn_output.weight"}
    return stated(tensors, LLAMA_OUTSIDE, names, layers=4, made=sorted_by_pairs)


CASES = (
    Case(
        "key_heads",
        CLASS,
        LISTED,
        shapes=_layers([llama_layer(keys=count) for count in KEYS]),
        twin=Twin(
            "LlamaForCausalLM",
            tiny(num_hidden_layers=3, num_key_value_heads=HEADS, rms_norm_eps=1e-5),
            twin,
        ),
    ),
    Case(
        "pruned",
        CLASS,
        {name: value for name, value in PRUNED.items() if value is not None},
        shapes=_layers(_pruned()),
        statement=statement,
    ),
    Case(
        "gelu",
        CLASS,
        {**LISTED, "hidden_act": "gelu"},
        shapes=_layers([llama_layer(keys=count) for count in KEYS]),
        refused="hidden_act",
    ),
)
