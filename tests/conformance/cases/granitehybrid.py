"""Granite 4 hybrids and Bamba: dense and routed feed-forwards, with and without positions."""

from __future__ import annotations

from conformance.case import Case, tiny

_STATE = {
    "mamba_n_heads": 8,
    "mamba_n_groups": 2,
    "mamba_d_state": 16,
}
_GRANITE = tiny(
    **_STATE,
    num_hidden_layers=3,
    layer_types=["linear_attention", "full_attention", "linear_attention"],
    shared_intermediate_size=80,
    num_local_experts=4,
    embedding_multiplier=12.0,
    logits_scaling=6.0,
    residual_multiplier=0.22,
    attention_multiplier=0.1,
)
_BAMBA = tiny(**_STATE, num_hidden_layers=3, attn_layer_indices=[1])
_G, _B = "GraniteMoeHybridForCausalLM", "BambaForCausalLM"
# As releases list the layers; the converter does not know the names of transformers 5.
_RELEASED = {"layer_types": ["mamba", "attention", "mamba"]}
_DENSE = {**_GRANITE, "num_local_experts": 0, "tie_word_embeddings": True}
_PARTIAL = {
    r"attn_[qk]\.(weight|bias)$|rope\.dimension_count": "half of each head is rotated, which "
    "transformers takes for granted; the converter takes the whole for rotated"
}

CASES = (
    Case("experts", _G, _GRANITE, changes=_RELEASED),
    Case(
        "today",
        _G,
        _GRANITE,
        peer_differs={
            r"head_count_kv|attn_[qk]\.weight$": "it does not know the names of today for kinds of "
            "layers"
        },
    ),
    Case(
        "dense",
        _G,
        {**_DENSE, "intermediate_size": 80, "num_experts_per_tok": 0, "attention_bias": True},
        changes=_RELEASED,
        peer_differs={"expert_(used_)?count": "it writes numbers of experts where there are none"},
    ),
    Case(
        "rotated",
        _G,
        {**_DENSE, "position_embedding_type": "rope"},
        changes=_RELEASED,
        peer_differs={
            "context_length|finetuned": "it takes hybrids for ones without positions",
            "expert_(used_)?count": "it writes numbers of experts where there are none",
            "feed_forward_length": "it writes that of the experts there are not",
        },
    ),
    Case("bamba", _B, _BAMBA, peer_differs=_PARTIAL),
    Case(
        "bamba_biases",
        _B,
        {**_BAMBA, "mlp_bias": True, "attention_bias": True},
        peer_differs=_PARTIAL,
    ),
    Case(
        "expand", _G, {**_GRANITE, "mamba_expand": 3, "mamba_n_heads": 12}, refused="mamba_expand"
    ),
    Case(
        "no_attention", _B, {**_BAMBA, "attn_layer_indices": None}, refused="no layer of attention"
    ),
)
