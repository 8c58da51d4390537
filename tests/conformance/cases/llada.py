"""LLaDA, whose class only remote code has."""

from __future__ import annotations

from conformance.case import Case, Tensors
from conformance.shapes import HEAD, HEADS, INNER, KEY_HEADS, WIDTH, decoder, paired_heads, stated

CLASS = "LLaDAModelLM"
CONFIG = {
    "model_type": "llada",
    "d_model": WIDTH,
    "n_heads": HEADS,
    "n_kv_heads": KEY_HEADS,
    "n_layers": 2,
    "mlp_hidden_size": INNER,
    "mlp_ratio": 4,
    "max_sequence_length": 128,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "rope": True,
    "activation_type": "silu",
    "block_type": "llama",
    "layer_norm_type": "rms",
    "weight_tying": False,
    "mask_token_id": 1,
}
LAYER = {
    "attn_norm.weight": (WIDTH,),
    "q_proj.weight": (HEADS * HEAD, WIDTH),
    "k_proj.weight": (KEY_HEADS * HEAD, WIDTH),
    "v_proj.weight": (KEY_HEADS * HEAD, WIDTH),
    "attn_out.weight": (WIDTH, HEADS * HEAD),
    "ff_norm.weight": (WIDTH,),
    "ff_proj.weight": (INNER, WIDTH),
    "up_proj.weight": (INNER, WIDTH),
    "ff_out.weight": (WIDTH, INNER),
}
AT = "model.transformer.blocks.{n}."
NAMES = ("model.transformer.wte", "model.transformer.ln_f", "model.transformer.ff_out")
SHAPES = decoder("gpt2", LAYER, at=AT, names=NAMES)


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: queries and keys sorted by pairs, all else as it is."""
    files = ("token_embd", "output_norm", "output")
    parts = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output")
    feed = ("ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
    return stated(
        tensors,
        {f"{old}.weight": f"{new}.weight" for old, new in zip(NAMES, files, strict=True)},
        {old: f"{new}.weight" for old, new in zip(LAYER, (*parts, *feed), strict=True)},
        at=AT,
        made=paired_heads,
    )


CASES = (
    Case("untied", CLASS, CONFIG, shapes=SHAPES, statement=statement),
    Case("alibi", CLASS, {**CONFIG, "alibi": True}, shapes=SHAPES, refused="alibi"),
    Case(
        "norm", CLASS, {**CONFIG, "layer_norm_type": "low_precision"}, shapes=SHAPES, refused="norm"
    ),
)
