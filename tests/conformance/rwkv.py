"""Tensors of RWKV's checkpoints, which only remote code loads: the converter is the witness."""

from __future__ import annotations

from conformance.case import Shapes


def around(embedding: str, norm: str, head: str, *, bias: bool = True) -> Shapes:
    """Return embedding, last norm and output layer of a model of the width 64."""
    ends = ("weight", "bias") if bias else ("weight",)
    return {
        f"{embedding}.weight": (320, 64),
        f"{head}.weight": (320, 64),
        **{f"{norm}.{end}": (64,) for end in ends},
    }


def qwen(at: str) -> Shapes:
    """Return the norms and the feed-forward of one of Qwen's layers."""
    return {
        f"{at}input_layernorm.weight": (64,),
        f"{at}post_attention_layernorm.weight": (64,),
        f"{at}mlp.gate_proj.weight": (96, 64),
        f"{at}mlp.up_proj.weight": (96, 64),
        f"{at}mlp.down_proj.weight": (64, 96),
    }
