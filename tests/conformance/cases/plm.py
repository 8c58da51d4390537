"""PLM, whose class only remote code has."""

from __future__ import annotations

from conformance.case import Case, Tensors, tiny
from conformance.shapes import INNER, WIDTH, decoder, stated

CLASS = "PLMForCausalLM"
CONFIG = {
    "model_type": "plm",
    **tiny(num_key_value_heads=4, hidden_act="relu2", rms_norm_eps=1e-6, rope_theta=10000.0),
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 16,
    "q_lora_rank": None,
    "tie_word_embeddings": True,
}
LAYER = {
    "input_layernorm.weight": (WIDTH,),
    "self_attn.q_proj.weight": (4 * 24, WIDTH),
    "self_attn.kv_a_proj_with_mqa.weight": (40, WIDTH),
    "self_attn.kv_a_layernorm.weight": (32,),
    "self_attn.kv_b_proj.weight": (4 * 32, 32),
    "self_attn.o_proj.weight": (WIDTH, 64),
    "post_attention_layernorm.weight": (WIDTH,),
    "mlp.up_proj.weight": (INNER, WIDTH),
    "mlp.down_proj.weight": (WIDTH, INNER),
}
SHAPES = decoder("gpt2", LAYER, names=("model.embed_tokens", "model.norm", ""))


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: every tensor as it is."""
    outside = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
    }
    attention = ("attn_norm", "attn_q", "attn_kv_a_mqa", "attn_kv_a_norm", "attn_kv_b")
    names = (*attention, "attn_output", "ffn_norm", "ffn_up", "ffn_down")
    layer = {old: f"{new}.weight" for old, new in zip(LAYER, names, strict=True)}
    return stated(tensors, outside, layer)


CASES = (
    Case("tied", CLASS, CONFIG, shapes=SHAPES, statement=statement),
    Case("untied", CLASS, {**CONFIG, "tie_word_embeddings": False}, shapes=SHAPES, refused="tie_"),
    Case("silu", CLASS, {**CONFIG, "hidden_act": "silu"}, shapes=SHAPES, refused="hidden_act"),
)
