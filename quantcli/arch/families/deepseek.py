"""DeepSeek MoE, the first: Llama with routed and shared experts after the first dense layers."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, paired
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_SIZE_KEYS,
    dense_then_routed,
    gating_key,
    routing_problems,
    shared_problems,
)
from quantcli.arch.keys import heads
from quantcli.arch.relations import PLAIN, SILU, heads_fill_the_width, without
from quantcli.arch.rope import rope_type

DEEPSEEK = Architecture(
    name="deepseek",
    hf=("DeepseekForCausalLM",),
    vocab="auto",
    keys=(
        *(key for key in LLAMA_KEYS if not key.name.startswith("{arch}.rope.scaling.")),
        Key("{arch}.rope.scaling.type", "string", derive=lambda facts: "none"),
        *EXPERT_SIZE_KEYS,
        gating_key("scoring_func"),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*paired(attention()), *dense_then_routed(""))),),
    defaults={
        "deepseek": {
            "num_key_value_heads": heads,
            "routed_scaling_factor": 1.0,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "first_k_dense_replace": 0,
        }
    },
    graph=(
        SILU,
        *PLAIN,
        *DENSE_FIRST,
        Implements("rope_scaling.rope_type", ("", "default"), rope_type),
        Implements("scoring_func", ("softmax",)),
        Implements("norm_topk_prob", (False,)),
        without("attention_bias"),
    ),
    checks=(*DECODER_CHECKS, routing_problems, shared_problems, heads_fill_the_width),
    remarks=DECODER_REMARKS,
    ignored_fields=("aux_loss_alpha", "seq_aux"),
)
