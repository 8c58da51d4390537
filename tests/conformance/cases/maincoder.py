"""Maincoder, whose class only remote code has: Hunyuan's, if its heads are turned in pairs."""

from __future__ import annotations

from conformance.case import Case, Tensors, Twin, tiny
from conformance.shapes import HEAD, decoder, llama_layer

CLASS = "MaincoderForCausalLM"
CONFIG = {
    "model_type": "maincoder",
    **tiny(head_dim=HEAD, hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0),
}
NORMS = {f"self_attn.{part}_norm.weight": (HEAD,) for part in "qk"}

SHAPES = decoder("gpt2", {**llama_layer(), **NORMS})


def twin(tensors: Tensors) -> Tensors:
    """Return the weights for a class that turns halves: each head's pairs sorted apart."""

    def halves(name: str) -> bool:
        return name.endswith(("q_proj.weight", "k_proj.weight", "q_norm.weight", "k_norm.weight"))

    made = {}
    for name, values in tensors.items():
        new = values
        if halves(name):
            heads = values.reshape(-1, HEAD // 2, 2, values.shape[1] if values.ndim > 1 else 1)
            new = heads.swapaxes(1, 2).reshape(values.shape)
        made[name.replace("q_norm", "query_layernorm").replace("k_norm", "key_layernorm")] = new
    return made


CASES = (
    Case(
        "untied",
        CLASS,
        CONFIG,
        shapes=SHAPES,
        twin=Twin("HunYuanDenseV1ForCausalLM", tiny(head_dim=HEAD, rms_norm_eps=1e-5), twin),
    ),
    Case(
        "biases",
        CLASS,
        {**CONFIG, "attention_bias": True},
        shapes=SHAPES,
        refused="attention_bias",
    ),
)
