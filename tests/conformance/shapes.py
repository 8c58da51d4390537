"""Names and shapes of a Llama-like decoder, for cases that only exist as remote code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from conformance.case import Shapes, Tensors

WIDTH, INNER, HEADS, KEY_HEADS, HEAD = 64, 96, 4, 2, 16
VOCABULARY = {"gpt2": 274, "spm": 309}


def decoder(
    tokenizer: str, layer: Shapes, *, layers: int = 2, at: str = "model.layers.{n}.", **rest: object
) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a decoder, by default Llama's around its layers.

    Args:
        tokenizer: which one the case has; it gives the vocabulary's size.
        layer: the tensors of one layer.
        layers: how many.
        at: what precedes a layer's names.
        rest: `names` of the embedding, the last norm and the output layer where they are not
            Llama's; an output layer without name is left out.
    """
    size = VOCABULARY[tokenizer]
    names = rest.get("names", ("model.embed_tokens", "model.norm", "lm_head"))
    assert isinstance(names, tuple)
    embedding, norm, head = names
    return {
        f"{embedding}.weight": (size, WIDTH),
        **{
            at.replace("{n}", str(n)) + name: shape
            for n in range(layers)
            for name, shape in layer.items()
        },
        f"{norm}.weight": (WIDTH,),
        **({f"{head}.weight": (size, WIDTH)} if head else {}),
    }


def llama_layer(*, heads: int = HEADS, keys: int = KEY_HEADS, biases: str = "") -> Shapes:
    """Return the tensors of one of Llama's layers; `biases` names the projections that have one."""
    matrices: Mapping[str, tuple[int, int]] = {
        "self_attn.q_proj": (heads * HEAD, WIDTH),
        "self_attn.k_proj": (keys * HEAD, WIDTH),
        "self_attn.v_proj": (keys * HEAD, WIDTH),
        "self_attn.o_proj": (WIDTH, heads * HEAD),
        "mlp.gate_proj": (INNER, WIDTH),
        "mlp.up_proj": (INNER, WIDTH),
        "mlp.down_proj": (WIDTH, INNER),
    }
    return {
        "input_layernorm.weight": (WIDTH,),
        **{f"{name}.weight": shape for name, shape in matrices.items()},
        **{
            f"{name}.bias": shape[:1]
            for name, shape in matrices.items()
            if name.rpartition(".")[2][0] in biases
        },
        "post_attention_layernorm.weight": (WIDTH,),
    }


def stated(
    tensors: Tensors,
    outside: Mapping[str, str],
    layer: Mapping[str, str],
    *,
    at: str = "model.layers.{n}.",
    layers: int = 2,
    made: Callable[[str, np.ndarray[Any, Any]], np.ndarray[Any, Any]] = lambda name, values: values,
) -> Tensors:
    """Return the tensors of a file whose tensors are the checkpoint's under other names.

    Args:
        tensors: the checkpoint's.
        outside: the checkpoint's names outside the layers → the file's.
        layer: the same inside a layer, for those that the checkpoint has.
        at: what precedes a layer's names in the checkpoint.
        layers: how many.
        made: what becomes of a tensor, by its name in the file without its block.
    """
    found = {new: tensors[old] for old, new in outside.items()}
    for n in range(layers):
        for old, new in layer.items():
            values = tensors.get(at.replace("{n}", str(n)) + old)
            if values is not None:
                found[f"blk.{n}.{new}"] = made(new, values)
    return found


LLAMA_NAMES = {
    f"{old}.{kind}": f"{new}.{kind}"
    for kind in ("weight", "bias")
    for old, new in {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }.items()
}
LLAMA_OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def paired(values: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Return a matrix of queries or keys whose heads' halves become pairs."""
    halves = values.reshape(heads, 2, -1, *values.shape[1:])
    return np.swapaxes(halves, 1, 2).reshape(values.shape)


def paired_heads(name: str, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return what the file has where the runtime turns pairs and the class halves."""
    counts = {"attn_q.weight": HEADS, "attn_k.weight": KEY_HEADS}
    return paired(values, counts[name]) if name in counts else values
