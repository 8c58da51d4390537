"""EXAONE 3: the names of the released checkpoints, and transformers'."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.cases.llama import LLAMA3

SMALL = tiny(head_dim=16, num_hidden_layers=2)
CHANGES = {"architectures": ["ExaoneForCausalLM"], "model_type": "exaone"}
RELEASED = {
    **CHANGES,
    "num_layers": 2,
    "activation_function": "silu",
    "layer_norm_epsilon": 1e-6,
}
NAMES = "it asks transformers for the config, whose class of today calls the fields otherwise"


def released(layers: int) -> dict[str, str]:
    """Return the names of today's class → those of the released checkpoints."""
    parts = {
        "self_attn.o_proj": "attn.attention.out_proj",
        "self_attn.": "attn.attention.",
        "input_layernorm": "ln_1",
        "post_attention_layernorm": "ln_2",
        "mlp.gate_proj": "mlp.c_fc_0",
        "mlp.up_proj": "mlp.c_fc_1",
        "mlp.down_proj": "mlp.c_proj",
    }
    names = {"model.embed_tokens": "transformer.wte", "model.norm": "transformer.ln_f"}
    for layer in range(layers):
        for today, then in parts.items():
            names[f"model.layers.{layer}.{today}"] = f"transformer.h.{layer}.{then}"
    return names


CASES = (
    Case("today", "LlamaForCausalLM", SMALL, changes=CHANGES, peer_fails=NAMES),
    Case(
        "released",
        "LlamaForCausalLM",
        SMALL,
        changes=RELEASED,
        rename=released(2),
        peer_fails=NAMES,
    ),
    Case(
        "llama3_rope",
        "LlamaForCausalLM",
        {**SMALL, "rope_parameters": LLAMA3, "tie_word_embeddings": True},
        changes=RELEASED,
        peer_fails=NAMES,
    ),
    Case("biases", "LlamaForCausalLM", {**SMALL, "mlp_bias": True}, changes=CHANGES, refused="mlp"),
)
