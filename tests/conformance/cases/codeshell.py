"""CodeShell: remote code only, held against StarCoder 2's class with the same weights."""

from __future__ import annotations

import numpy as np

from conformance.case import Case, Tensors, Twin, tiny

CONFIG = {
    "model_type": "codeshell",
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 4,
    "num_query_groups": 2,
    "n_positions": 128,
    "n_inner": None,
    "layer_norm_epsilon": 1e-5,
    "activation_function": "gelu_pytorch_tanh",
    "group_query_attention": True,
    "position_embedding_type": "rope",
    "rope_scaling": None,
    "scale_attn_weights": True,
    "attention_softmax_in_fp32": True,
    "tie_word_embeddings": False,
}
LAYER = {
    "ln_1": (64,),
    "attn.c_attn": (128, 64),
    "attn.c_proj": (64, 64),
    "ln_2": (64,),
    "mlp.c_fc": (256, 64),
    "mlp.c_proj": (64, 256),
}
NAMES = {
    "ln_1": "input_layernorm",
    "attn.c_proj": "self_attn.o_proj",
    "ln_2": "post_attention_layernorm",
    "mlp.c_fc": "mlp.c_fc",
    "mlp.c_proj": "mlp.c_proj",
}
SHAPES: dict[str, tuple[int, ...]] = {
    "transformer.wte.weight": (274, 64),
    "transformer.ln_f.weight": (64,),
    "transformer.ln_f.bias": (64,),
    "lm_head.weight": (274, 64),
}
for _n in (0, 1):
    for _name, _shape in LAYER.items():
        SHAPES[f"transformer.h.{_n}.{_name}.weight"] = _shape
        SHAPES[f"transformer.h.{_n}.{_name}.bias"] = _shape[:1]
TWIN = {
    **tiny(intermediate_size=256),
    "tie_word_embeddings": False,
    "sliding_window": None,
    "use_bias": True,
}


def starcoder2(stored: Tensors) -> Tensors:
    """Return the weights as StarCoder 2 has them: queries, keys and values apart."""
    found = {
        "model.embed_tokens.weight": stored["transformer.wte.weight"],
        "model.norm.weight": stored["transformer.ln_f.weight"],
        "model.norm.bias": stored["transformer.ln_f.bias"],
        "lm_head.weight": stored["lm_head.weight"],
    }
    for n in (0, 1):
        for part in ("weight", "bias"):
            fused = stored[f"transformer.h.{n}.attn.c_attn.{part}"]
            for name, value in zip("qkv", np.split(fused, [64, 96]), strict=True):
                found[f"model.layers.{n}.self_attn.{name}_proj.{part}"] = value
            for old, new in NAMES.items():
                value = stored[f"transformer.h.{n}.{old}.{part}"]
                found[f"model.layers.{n}.{new}.{part}"] = value
    return found


CASES = (
    Case(
        "grouped",
        "CodeShellForCausalLM",
        CONFIG,
        shapes=SHAPES,
        twin=Twin("Starcoder2ForCausalLM", TWIN, starcoder2),
    ),
    Case(
        "learned_positions",
        "CodeShellForCausalLM",
        {**CONFIG, "position_embedding_type": "learned_absolute"},
        shapes=SHAPES,
        refused="position_embedding_type",
    ),
)
