"""Llama, and the classes that llama.cpp maps to it."""

from __future__ import annotations

from conformance.case import Case, tiny

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}

EXPERTS = tiny(num_local_experts=4, num_experts_per_tok=2)

UNKNOWN = "it does not know the class"
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
TEXT = {"model_type": "llama", **tiny()}
VISION = {
    "model_type": "clip_vision_model",
    **tiny(num_key_value_heads=None, image_size=28, patch_size=14),
}
AUDIO = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
JANUS_VISION = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
JANUS_IMAGES = {
    "base_channels": 32,
    "channel_multiplier": [1, 1],
    "num_res_blocks": 1,
    "projection_dim": 64,
}
WRAPPED = {"text_config": TEXT, "vision_config": VISION}

HEARING = {"text_config": TEXT, "audio_config": AUDIO}

CASES = (
    Case("untied", "LlamaForCausalLM", tiny()),
    Case("tied", "LlamaForCausalLM", tiny(tie_word_embeddings=True)),
    Case("biases", "LlamaForCausalLM", tiny(attention_bias=True, mlp_bias=True)),
    Case("llama3_rope", "LlamaForCausalLM", tiny(rope_parameters=LLAMA3), tokenizer="llama3"),
    Case("head_dim", "LlamaForCausalLM", tiny(head_dim=32)),
    Case("one_key_head", "LlamaForCausalLM", tiny(num_key_value_heads=1)),
    Case("ungrouped_spm", "LlamaForCausalLM", tiny(num_key_value_heads=4), tokenizer="spm"),
    Case("mixtral", "MixtralForCausalLM", EXPERTS, tokenizer="spm"),
    Case(
        "mixtral_stacked",
        "MixtralForCausalLM",
        EXPERTS,
        tokenizer="spm",
        layout="stacked",
        peer_fails="it does not know the layout in which today's class holds the experts",
    ),
    Case(
        "internlm3",
        "LlamaForCausalLM",
        tiny(attention_bias=True, mlp_bias=True, num_key_value_heads=1),
        tokenizer="spm",
        changes={
            "architectures": ["InternLM3ForCausalLM"],
            "model_type": "internlm3",
            "qkv_bias": True,
            "bias": True,
        },
    ),
    Case(
        "iquestcoder",
        "LlamaForCausalLM",
        tiny(head_dim=16),
        changes={"architectures": ["IQuestCoderForCausalLM"], "model_type": "iquestcoder"},
    ),
    Case("helium", "HeliumForCausalLM", tiny(head_dim=16), peer_fails=UNKNOWN),
    Case("cwm", "CwmForCausalLM", tiny(head_dim=16), peer_fails=UNKNOWN),
    Case(
        "cwm_window",
        "CwmForCausalLM",
        tiny(head_dim=16, sliding_window=8),
        noted="sliding_window is 8",
        runtime_wrong="the graph attends to the whole context, as the note says",
        peer_fails=UNKNOWN,
    ),
    Case("ministral", "MinistralForCausalLM", tiny(head_dim=16), peer_fails=UNKNOWN),
    Case("emu3", "Emu3ForCausalLM", tiny(pad_token_id=0), peer_fails=UNKNOWN),
    Case("llava", "LlavaForConditionalGeneration", WRAPPED),
    Case(
        "voxtral", "VoxtralForConditionalGeneration", {"text_config": TEXT, "audio_config": AUDIO}
    ),
    Case(
        "idefics3",
        "Idefics3ForConditionalGeneration",
        WRAPPED,
        changes={"text_config.architectures": ["VLlama3ForCausalLM"]},
    ),
    Case(
        "janus",
        "JanusForConditionalGeneration",
        {"text_config": TEXT, "vision_config": JANUS_VISION, "vq_config": JANUS_IMAGES},
    ),
    Case("dynamic", "LlamaForCausalLM", tiny(rope_parameters=DYNAMIC), refused="rope_type"),
    Case("gelu", "LlamaForCausalLM", tiny(hidden_act="gelu"), refused="hidden_act"),
    Case("mistral", "MistralForCausalLM", tiny(head_dim=24, sliding_window=None), tokenizer="spm"),
)
