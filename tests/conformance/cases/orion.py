"""Orion, whose class only remote code has."""

from __future__ import annotations

from conformance.case import Case, Tensors, tiny
from conformance.shapes import WIDTH, decoder, llama_layer

CONFIG = {
    "model_type": "orion",
    **tiny(hidden_act="silu", rms_norm_eps=1e-5, max_sequence_length=128),
    "rope_theta": 10000.0,
}
NORMS = {f"{name}_layernorm.bias": (WIDTH,) for name in ("input", "post_attention")}
SHAPES = {**decoder("spm", {**llama_layer(), **NORMS}), "model.norm.bias": (WIDTH,)}


def statement(tensors: Tensors) -> Tensors:
    """Return what the file holds: every tensor as it is."""
    names = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    made = {
        "token_embd.weight": tensors["model.embed_tokens.weight"],
        "output_norm.weight": tensors["model.norm.weight"],
        "output_norm.bias": tensors["model.norm.bias"],
        "output.weight": tensors["lm_head.weight"],
    }
    for n in (0, 1):
        for name, values in tensors.items():
            if name.startswith(f"model.layers.{n}."):
                part, _, kind = name.removeprefix(f"model.layers.{n}.").rpartition(".")
                made[f"blk.{n}.{names[part]}.{kind}"] = values
    return made


CASES = (
    Case(
        "untied",
        "OrionForCausalLM",
        CONFIG,
        tokenizer="spm",
        shapes=SHAPES,
        statement=statement,
        peer_differs={"rope.freq_base": "it says no base; the runtime then takes this one"},
    ),
    Case(
        "gelu",
        "OrionForCausalLM",
        {**CONFIG, "hidden_act": "gelu"},
        tokenizer="spm",
        shapes=SHAPES,
        refused="hidden_act",
    ),
)
