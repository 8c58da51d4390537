"""InternLM 2, whose class only remote code has; Llama computes the same."""

from __future__ import annotations

from conformance.case import Case, Tensors, Twin, tiny
from conformance.shapes import HEAD, HEADS, INNER, KEY_HEADS, WIDTH, decoder

SMALL = tiny(rms_norm_eps=1e-5)
CONFIG = {"model_type": "internlm2", **SMALL, "hidden_act": "silu", "bias": False}
LAYER = {
    "attention_norm.weight": (WIDTH,),
    "attention.wqkv.weight": ((HEADS + 2 * KEY_HEADS) * HEAD, WIDTH),
    "attention.wo.weight": (WIDTH, HEADS * HEAD),
    "ffn_norm.weight": (WIDTH,),
    "feed_forward.w1.weight": (INNER, WIDTH),
    "feed_forward.w2.weight": (WIDTH, INNER),
    "feed_forward.w3.weight": (INNER, WIDTH),
}
NAMES = ("model.tok_embeddings", "model.norm", "output")
SHAPES = decoder("spm", LAYER, names=NAMES)
TODAY = {
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
    "tok_embeddings": "embed_tokens",
    "output": "lm_head",
}


def twin(tensors: Tensors) -> Tensors:
    """Return the weights under Llama's names, each key head's queries, key and value apart."""
    made = {}
    for name, values in tensors.items():
        if ".attention.wqkv" in name:
            at = name.partition(".attention.wqkv")[0]
            groups = values.reshape(KEY_HEADS, HEADS // KEY_HEADS + 2, HEAD, WIDTH)
            for kind, picked in (("q", groups[:, :-2]), ("k", groups[:, -2]), ("v", groups[:, -1])):
                made[f"{at}.self_attn.{kind}_proj.weight"] = picked.reshape(-1, WIDTH)
            continue
        new = name
        for old, today in TODAY.items():
            new = new.replace(f".{old}.", f".{today}.") if f".{old}." in f".{new}" else new
        made["lm_head.weight" if name == "output.weight" else new] = values
    return made


CASES = (
    Case(
        "untied",
        "InternLM2ForCausalLM",
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        twin=Twin("LlamaForCausalLM", SMALL, twin),
    ),
    Case(
        "biases",
        "InternLM2ForCausalLM",
        {**CONFIG, "bias": True},
        tokenizer="spm",
        shapes=SHAPES,
        refused="bias",
    ),
)
