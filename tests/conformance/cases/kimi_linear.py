"""Kimi Linear: gated delta attention, and every few layers latent attention without positions."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "KimiLinearForCausalLM"


def _small(**changes: Any) -> dict[str, Any]:
    sizes = {"kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 24}
    routing = {"num_experts": 8, "num_experts_per_token": 3, "moe_intermediate_size": 48}
    linear = {"linear_head_dim": 64, "linear_num_heads": 4, "linear_conv_kernel_dim": 4}
    layers = ["linear_attention", "full_attention", "linear_attention"]
    special = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0, "num_hidden_layers": 3}
    both = {**sizes, **routing, **linear, **special, "layer_types": layers}
    return tiny(**{**both, "num_key_value_heads": 4, **changes})


_PEER = (
    "the converter knows the names and fields of the release, which transformers writes otherwise"
)
_RELEASED = {
    "layer_types": None,
    "mlp_layer_types": None,
    "linear_head_dim": None,
    "linear_num_heads": None,
    "linear_conv_kernel_dim": None,
    "first_k_dense_replace": 1,
    "moe_layer_freq": 1,
    "moe_router_activation_func": "sigmoid",
    "mla_use_nope": True,
    "linear_attn_config": {
        "full_attn_layers": [2],
        "kda_layers": [1, 3],
        "head_dim": 64,
        "num_heads": 4,
        "short_conv_kernel_size": 4,
    },
}

CASES = (
    Case("plain", _HF, _small(), peer_fails=_PEER),
    Case("stacked", _HF, _small(), layout="stacked", peer_fails=_PEER),
    Case("tied", _HF, _small(tie_word_embeddings=True, num_shared_experts=2), peer_fails=_PEER),
    Case(
        "released",
        _HF,
        _small(),
        changes=_RELEASED,
        rename={"model.layers.0.block_sparse_moe.": "model.layers.0.mlp."},
        peer_differs={
            "value_length$": "the converter writes head_dim, a field of transformers' own; the "
            "graph has no use for it",
            "expert_group_count": "the converter does not know num_expert_group; 1 is no grouping",
        },
    ),
    Case("query_latent", _HF, _small(q_lora_rank=24), refused="q_lora_rank"),
    Case("heads", _HF, _small(linear_num_heads=2), refused="linear_num_heads"),
    Case("one_kind", _HF, _small(layer_types=["full_attention"] * 3), refused="attention only"),
)
