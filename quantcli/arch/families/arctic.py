"""Arctic: a Llama whose layers have experts beside a feed-forward as wide as the model."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, norm, paired, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.experts import EXPERT_KEYS, routed, router, routing_problems
from quantcli.arch.keys import heads, inner, width
from quantcli.arch.relations import heads_fill_the_width, without

ARCTIC = Architecture(
    name="arctic",
    hf=("ArcticForCausalLM",),
    vocab="auto",
    keys=(*LLAMA_KEYS, *EXPERT_KEYS),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *paired(attention()),
                *swiglu(
                    at="residual_mlp.",
                    names=("w1", "w3", "w2"),
                    norm_source="residual_layernorm",
                    size=width,
                ),
                norm("ffn_norm_exps", "post_attention_layernorm"),
                router("block_sparse_moe.gate"),
                *routed("block_sparse_moe.experts.", ("w1", "w3", "w2"), size=inner),
            )
        ),
    ),
    defaults={
        "arctic": {
            "num_key_value_heads": heads,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-5,
            "rope_theta": 1e6,
            "tie_word_embeddings": False,
            "num_experts_per_tok": 2,
        }
    },
    graph=(
        *decoder_graph(),
        # The loader has no layers without experts, or without the feed-forward beside them.
        Implements("moe_layer_frequency", (1,)),
        Implements("parallel_attn_mlp_res", (True,)),
        Implements("use_residual", (True,)),
        without("sliding_window"),
        without("attention_bias"),
    ),
    checks=(*DECODER_CHECKS, routing_problems, heads_fill_the_width),
    remarks=DECODER_REMARKS,
    ignored_fields=("moe_*", "enable_expert_tensor_parallelism", "quantization", "attn_*"),
)
