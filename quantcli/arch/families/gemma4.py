"""Gemma 4: two lengths of heads, layers that share keys, embeddings for each layer, or experts.

Longer than other tables, as nearly every size depends on whether a layer has a window.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, norm, optional, row, swiglu, switched
from quantcli.arch.decoders import DECODER_KEYS, DECODER_REMARKS
from quantcli.arch.experts import OPTIONAL_EXPERT_KEYS
from quantcli.arch.gemma import GELU_GATE
from quantcli.arch.gemma4_layers import (
    LAYERED,
    MOE_INNER,
    expert_inner,
    final_cap,
    full_head_dim,
    inners,
    key_heads,
    keys_as_values,
    layer_head_dim,
    layer_inner,
    layer_keys,
    layer_queries,
    odd_layers,
    rotary_factors,
    rotary_part_problems,
    unlike_lenders,
    with_window,
)
from quantcli.arch.gemma_layers import (
    LAYER_EMBEDDING,
    LAYER_INPUT,
    LAYER_WIDTH_KEY,
    SHARED_KEY,
    SHARED_LAYERS,
    shares,
)
from quantcli.arch.keys import experts, lacking, twice, width
from quantcli.arch.relations import PLAIN, grouped_heads, where, without
from quantcli.arch.rope import local_rotary, rope_type
from quantcli.arch.windows import layer_kinds, layered_window_keys, some_window

_OWN = ("feed_forward_length", "head_count_kv", "key_length", "value_length")
_LOCAL_HEAD = ("head_dim",)
_ROTATION = {
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
    "full_attention": {
        "rope_type": "proportional",
        "partial_rotary_factor": 0.25,
        "rope_theta": 1000000.0,
    },
}
_DEFAULTS = {"global_head_dim": 512, "rope_parameters": _ROTATION}

_ATTENTION = (
    norm("attn_norm", "input_layernorm"),
    row("attn_q.weight", "self_attn.q_proj.weight", shape=(layer_queries, width)),
    optional("attn_k.weight", "self_attn.k_proj.weight", shape=(layer_keys, width), absent=shares),
    optional(
        "attn_v.weight", "self_attn.v_proj.weight", shape=(layer_keys, width), absent=keys_as_values
    ),
    row("attn_output.weight", "self_attn.o_proj.weight", shape=(width, layer_queries)),
    norm("attn_q_norm", "self_attn.q_norm", layer_head_dim),
    optional(
        "attn_k_norm.weight", "self_attn.k_norm.weight", shape=(layer_head_dim,), absent=shares
    ),
    norm("post_attention_norm", "post_attention_layernorm"),
)
_MIXTURE = (
    row("ffn_gate_inp.weight", "router.proj.weight", shape=(experts, width)),
    row("ffn_gate_inp.scale", "router.scale", shape=(width,)),
    row(
        "ffn_gate_up_exps.weight",
        "experts.gate_up_proj",
        shape=(experts, twice(expert_inner), width),
    ),
    row("ffn_down_exps.weight", "experts.down_proj", shape=(experts, width, expert_inner)),
    row("ffn_down_exps.scale", "router.per_expert_scale", shape=(experts,)),
    norm("pre_ffw_norm_2", "pre_feedforward_layernorm_2"),
    norm("post_ffw_norm_1", "post_feedforward_layernorm_1"),
    norm("post_ffw_norm_2", "post_feedforward_layernorm_2"),
)

GEMMA4 = Architecture(
    name="gemma4",
    hf=("Gemma4ForCausalLM", "Gemma4TextModel", "Gemma4UnifiedForCausalLM"),
    vocab="auto",
    keys=(
        *lacking(DECODER_KEYS, *_OWN),
        Key("{arch}.feed_forward_length", "uint32", derive=inners, at_least=1, layered=True),
        Key("{arch}.attention.head_count_kv", "uint32", derive=key_heads, at_least=1, layered=True),
        Key("{arch}.attention.key_length", "uint32", derive=full_head_dim, at_least=1),
        Key("{arch}.attention.value_length", "uint32", derive=full_head_dim, at_least=1),
        Key("{arch}.attention.key_length_swa", "uint32", _LOCAL_HEAD, required=True, at_least=1),
        Key("{arch}.attention.value_length_swa", "uint32", _LOCAL_HEAD, required=True, at_least=1),
        Key("{arch}.rope.dimension_count", "uint32", derive=full_head_dim),
        Key("{arch}.rope.dimension_count_swa", "uint32", _LOCAL_HEAD),
        # Without the key the runtime caps at 30.
        Key("{arch}.final_logit_softcapping", "float32", derive=final_cap, at_least=0),
        *layered_window_keys(with_window),
        LAYER_WIDTH_KEY,
        SHARED_KEY,
        *OPTIONAL_EXPERT_KEYS,
        Key("{arch}.expert_feed_forward_length", "uint32", MOE_INNER),
    ),
    globals=(
        Row("rope_freqs.weight", (), "constants", rotary_factors),
        *EMBEDDING,
        *LAYER_EMBEDDING,
        *OUTPUT,
    ),
    layers=(
        Stack(
            (
                *_ATTENTION,
                *swiglu(norm_source="pre_feedforward_layernorm", size=layer_inner),
                norm("post_ffw_norm", "post_feedforward_layernorm"),
                *switched(_MIXTURE, where("enable_moe_block")),
                *LAYER_INPUT,
                optional("layer_output_scale.weight", "layer_scalar", shape=(lambda facts: 1,)),
            )
        ),
    ),
    defaults={"gemma4_text": _DEFAULTS, "gemma4_unified_text": _DEFAULTS},
    graph=(
        GELU_GATE,
        *(each for each in PLAIN if each.field != LAYERED),
        without("attention_bias"),
        Implements("use_bidirectional_attention", (None, False, "vision")),
        Implements("rope_parameters.rope_type", ("proportional", "default", ""), rope_type),
        Implements("rope_parameters.factor", (None,), lambda facts: facts.rope("factor")),
        local_rotary(),
        Implements(LAYERED, (None,), odd_layers),
        Implements(SHARED_LAYERS, (None,), unlike_lenders),
        layer_kinds(),
        some_window(with_window),
    ),
    checks=(grouped_heads, rotary_part_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("hidden_act", "vocab_size_per_layer_input", "num_global_key_value_heads"),
)
