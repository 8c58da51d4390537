"""RWKV 6, which only remote code loads; the converter's file is the witness."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.case import Case, Shapes, Tensors

_CONFIG = {
    "model_type": "rwkv6",
    "hidden_size": 64,
    "head_size": 16,
    "num_hidden_layers": 3,
    "intermediate_size": 224,
    "layer_norm_epsilon": 1e-5,
    "rescale_every": 2,
    "vocab_size": 320,
    "tie_word_embeddings": False,
}


def _shapes(mix: int = 32, decay: int = 64) -> Shapes:
    """Return the tensors as BlinkDL's models are released, their ranks fixed by the width."""
    found: dict[str, tuple[int, ...]] = {
        "rwkv.embeddings.weight": (320, 64),
        "rwkv.blocks.0.pre_ln.weight": (64,),
        "rwkv.blocks.0.pre_ln.bias": (64,),
        "rwkv.ln_out.weight": (64,),
        "rwkv.ln_out.bias": (64,),
        "head.weight": (320, 64),
    }
    for n in range(3):
        at = f"rwkv.blocks.{n}."
        found |= {f"{at}{ln}.{end}": (64,) for ln in ("ln1", "ln2") for end in ("weight", "bias")}
        inside = f"{at}attention."
        found |= {f"{inside}time_maa_{x}": (1, 1, 64) for x in "xwkvrg"}
        found |= {f"{inside}{x}.weight": (64, 64) for x in _SQUARE}
        found |= {f"{inside}ln_x.{end}": (64,) for end in ("weight", "bias")}
        found |= {
            f"{inside}time_maa_w1": (64, 5 * mix),
            f"{inside}time_maa_w2": (5, mix, 64),
            f"{inside}time_decay": (1, 1, 64),
            f"{inside}time_decay_w1": (64, decay),
            f"{inside}time_decay_w2": (decay, 64),
            f"{inside}time_faaaa": (4, 16),
            f"{at}feed_forward.time_maa_k": (1, 1, 64),
            f"{at}feed_forward.time_maa_r": (1, 1, 64),
            f"{at}feed_forward.key.weight": (224, 64),
            f"{at}feed_forward.receptance.weight": (64, 64),
            f"{at}feed_forward.value.weight": (64, 224),
        }
    return found


_SQUARE = ("key", "value", "receptance", "gate", "output")


def _statement(tensors: Tensors) -> Tensors:
    """Return some of the file's tensors: what is turned, put together and halved."""
    at = "rwkv.blocks.2.attention."
    stacked: list[np.ndarray[Any, Any]] = [tensors[f"{at}time_maa_{x}"] for x in "wkvrg"]
    return {
        "blk.2.time_mix_lerp_fused.weight": np.stack(stacked),
        "blk.2.time_mix_w2.weight": tensors[f"{at}time_maa_w2"].transpose(0, 2, 1),
        "blk.2.time_mix_decay_w1.weight": tensors[f"{at}time_decay_w1"].T,
        "blk.2.time_mix_output.weight": tensors[f"{at}output.weight"] / 2,
        "blk.1.time_mix_output.weight": tensors["rwkv.blocks.1.attention.output.weight"],
    }


_WORLD = "it reads the vocabulary of RWKV World only"
CASES = (
    Case("finch", "Rwkv6ForCausalLM", _CONFIG, shapes=_shapes(), statement=_statement),
    Case(
        "silent",
        "Rwkv6ForCausalLM",
        {k: v for k, v in _CONFIG.items() if k not in ("rescale_every", "layer_norm_epsilon")}
        | {"intermediate_size": None},
        shapes=_shapes(),
        peer_fails="it asks for fields that the class fills in",
    ),
)
