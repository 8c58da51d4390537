"""Command with routed experts: Cohere 2's attention, dense layers first, a shared expert."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, swiglu, switched
from quantcli.arch.cohere import (
    DENSE_INNER,
    LOGIT_SCALE_KEY,
    dense,
    dense_inner,
    later_dense,
    leading,
    normalised,
    shared_count,
    shared_inner,
    shared_length,
    sparse,
)
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_REMARKS,
    NORM_KEYS,
    VOCAB_KEY,
    decoder_graph,
)
from quantcli.arch.experts import EXPERT_KEYS, gating_key, routed, router, shared
from quantcli.arch.keys import head_dim, inner, lacking
from quantcli.arch.relations import where, without
from quantcli.arch.rope import said_type
from quantcli.arch.windows import layer_kinds, layered_window_keys, some_window, windows

_WINDOWS = windows(4)
COHERE2MOE = Architecture(
    name="cohere2moe",
    hf=("Cohere2MoeForCausalLM", "Cohere2MoeModel"),
    vocab="auto",
    keys=(
        *lacking(said_type(NORM_KEYS), "feed_forward_length"),
        Key(
            "{arch}.feed_forward_length",
            "uint32",
            (DENSE_INNER, "intermediate_size"),
            at_least=1,
        ),
        Key("{arch}.attention.layer_norm_rms_epsilon", "float32", ("rms_norm_eps",), above=0),
        *EXPERT_KEYS,
        gating_key("expert_selection_fn"),
        LOGIT_SCALE_KEY,
        *layered_window_keys(_WINDOWS),
        VOCAB_KEY,
        Key("{arch}.expert_feed_forward_length", "uint32", ("intermediate_size",), at_least=1),
        Key("{arch}.leading_dense_block_count", "uint32", derive=leading),
        Key("{arch}.expert_weights_norm", "bool", derive=normalised),
        Key("{arch}.expert_shared_count", "uint32", derive=shared_count),
        Key("{arch}.expert_shared_feed_forward_length", "uint32", derive=shared_length),
        Key("{arch}.rope.dimension_count", "uint32", derive=head_dim),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *switched(swiglu(norm_source="", size=dense_inner), dense),
                *switched((router(), *routed(size=inner)), sparse),
                *switched(
                    switched(shared("mlp.shared_experts.", size=shared_inner), sparse),
                    where("num_shared_experts"),
                ),
            )
        ),
    ),
    graph=(
        *decoder_graph(),
        without("attention_bias"),
        Implements("expert_selection_fn", ("softmax", "sigmoid")),
        Implements("shared_expert_combination_strategy", ("average",)),
        Implements("prefix_dense_sliding_window_pattern", (1,)),
        Implements("mlp_layer_types", (None,), later_dense),
        layer_kinds(),
        some_window(_WINDOWS),
    ),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
