"""CogVLM, whose class only remote code has."""

from __future__ import annotations

from conformance.case import Case, Tensors, tiny
from conformance.shapes import INNER, LLAMA_OUTSIDE, WIDTH, decoder, stated

CLASS = "CogVLMForCausalLM"
CONFIG = {
    **tiny(num_key_value_heads=4, hidden_act="silu", rms_norm_eps=1e-5),
    "vision_config": {"hidden_size": 64, "num_hidden_layers": 1},
}
FEED = {"gate_proj": (INNER, WIDTH), "up_proj": (INNER, WIDTH), "down_proj": (WIDTH, INNER)}
LAYER = {
    "input_layernorm.weight": (WIDTH,),
    **{
        f"self_attn.{kind}_expert_{part}.weight": shape
        for kind in ("language", "vision")
        for part, shape in (("query_key_value", (3 * WIDTH, WIDTH)), ("dense", (WIDTH, WIDTH)))
    },
    "post_attention_layernorm.weight": (WIDTH,),
    **{
        f"mlp.{kind}_mlp.{part}.weight": shape
        for kind in ("language", "vision")
        for part, shape in FEED.items()
    },
}
SHAPES = {**decoder("spm", LAYER), "model.vision.linear_proj.linear_proj.weight": (WIDTH, WIDTH)}


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: every tensor of the text model as it is."""
    names = ("attn_norm", "attn_qkv", "attn_output", "vis_attn_qkv", "vis_attn_output", "ffn_norm")
    feed = ("ffn_gate", "ffn_up", "ffn_down", "vis_gate", "vis_up", "vis_down")
    layer = {old: f"{new}.weight" for old, new in zip(LAYER, (*names, *feed), strict=True)}
    return stated(tensors, LLAMA_OUTSIDE, layer)


CASES = (
    Case(
        "experts",
        CLASS,
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        statement=statement,
        peer_differs={"vis_": "it takes them for the image encoder's; the runtime needs them here"},
        noted="1 tensors of other parts are left out",
    ),
    Case(
        "base",
        CLASS,
        {**CONFIG, "rope_theta": 500000.0},
        tokenizer="spm",
        shapes=SHAPES,
        refused="rope_theta",
    ),
)
