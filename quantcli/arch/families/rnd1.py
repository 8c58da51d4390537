"""RND1: Qwen 3 MoE made a diffusion model, whose tokens see those after them."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, norm
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import (
    EVERY_LAYER_SPARSE,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    routed,
    router,
    routing_problems,
)
from quantcli.arch.keys import CAUSAL_KEY
from quantcli.arch.relations import without

RND1 = Architecture(
    name="rnd1",
    hf=("RND1",),
    vocab="auto",
    keys=(
        *(key for key in DECODER_KEYS if key is not CAUSAL_KEY),
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        Key(CAUSAL_KEY.name, "bool", derive=lambda facts: False),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(),
            )
        ),
    ),
    vocab_keys=(Key("tokenizer.ggml.mask_token_id", "uint32", ("mask_token_id",)),),
    defaults={"rnd1": {"norm_topk_prob": True, "hidden_act": "silu", "tie_word_embeddings": False}},
    graph=(
        *decoder_graph(),
        without("attention_bias"),
        Implements("norm_topk_prob", (True,)),
        *EVERY_LAYER_SPARSE,
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=(
        "num_diffusion_steps",
        "rl_*",
        "use_sliding_window",
        "sliding_window",
        "max_window_layers",
    ),
)
