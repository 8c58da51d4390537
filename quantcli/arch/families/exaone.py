"""EXAONE 3 and 3.5: Llama under other names, its heads rotated in halves."""

from __future__ import annotations

from dataclasses import replace

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import attention, embedding, output, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.keys import RMS_EPSILON_KEY, head_dim, heads, replaced
from quantcli.arch.relations import without
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS, ROTARY_KEY

# transformers calls them as Llama's; so do the checkpoints that it saves.
_RENAMES = (
    (".transformer.", "."),
    (".wte.", ".embed_tokens."),
    (".ln_f.", ".norm."),
    (".h.", ".layers."),
    (".attn.attention.", ".self_attn."),
    (".self_attn.out_proj.", ".self_attn.o_proj."),
    (".ln_1.", ".input_layernorm."),
    (".ln_2.", ".post_attention_layernorm."),
    (".c_fc_0.", ".gate_proj."),
    (".c_fc_1.", ".up_proj."),
    (".c_proj.", ".down_proj."),
)
EXAONE = Architecture(
    name="exaone",
    hf=("ExaoneForCausalLM",),
    vocab="auto",
    keys=(
        *replaced(
            DECODER_KEYS,
            replace(RMS_EPSILON_KEY, fields=("rms_norm_eps", "layer_norm_epsilon")),
        ),
        ROTARY_KEY,
    ),
    globals=(*LLAMA3_FACTORS, *embedding(), *output()),
    layers=(Stack((*attention(), *swiglu())),),
    renames=_RENAMES,
    defaults={"exaone": {"num_key_value_heads": heads, "head_dim": head_dim}},
    graph=(
        *decoder_graph(
            LLAMA3,
            activation=Implements(
                "activation_function",
                ("silu", "swish"),
                lambda facts: facts.get("activation_function", "hidden_act"),
            ),
        ),
        without("attention_bias"),
        without("mlp_bias"),
    ),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
