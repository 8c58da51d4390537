"""LFM 2: convolutions and attention, the lengths of the feed-forward, a model of several parts."""

from __future__ import annotations

from conformance.case import Case, tiny

_LFM = tiny(num_hidden_layers=3, layer_types=["conv", "full_attention", "conv"])
_PLAIN = {**_LFM, "block_auto_adjust_ff_dim": False}

CASES = (
    Case("adjusted", "Lfm2ForCausalLM", _LFM),
    Case("indices", "Lfm2ForCausalLM", {**tiny(), "full_attn_idxs": [1]}),
    Case("released", "Lfm2ForCausalLM", _LFM, changes={"block_ff_dim": 96, "intermediate_size": 7}),
    Case(
        "untied",
        "Lfm2ForCausalLM",
        {**_PLAIN, "tie_word_embeddings": False, "conv_L_cache": 4, "num_key_value_heads": 1},
    ),
    Case("all_attention", "Lfm2ForCausalLM", tiny(), refused="layers of attention only"),
    Case(
        "all_conv",
        "Lfm2ForCausalLM",
        {**tiny(), "layer_types": ["conv"] * 2},
        refused="no layer of attention",
    ),
    Case("bias", "Lfm2ForCausalLM", {**_LFM, "conv_bias": True}, refused="conv_bias"),
    Case(
        "parts",
        "Lfm2VlForConditionalGeneration",
        {
            "text_config": _PLAIN,
            "vision_config": {
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
            },
        },
        peer_fails="it knows the class of the whole only for its vision part",
    ),
)
