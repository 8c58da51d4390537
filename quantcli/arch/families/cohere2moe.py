"""Command with routed experts: Cohere 2's attention, dense layers first, a shared expert."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, swiglu, switched
from quantcli.arch.cohere import LOGIT_SCALE_KEY
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_REMARKS,
    NORM_KEYS,
    VOCAB_KEY,
    decoder_graph,
)
from quantcli.arch.experts import EXPERT_KEYS, gating_key, routed, router, shared
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, inner, lacking
from quantcli.arch.relations import where, without
from quantcli.arch.rope import said_type
from quantcli.arch.windows import layer_kinds, layered_window_keys, some_window, windows

_WINDOWS = windows(4)
_DENSE_INNER = "prefix_dense_intermediate_size"


def _leading(facts: Facts) -> int:
    """Return how many layers come before the first with experts."""
    kinds = facts.get("mlp_layer_types")
    if not isinstance(kinds, list):
        return facts.integer("first_k_dense_replace") if facts.get("first_k_dense_replace") else 0
    return next((i for i, kind in enumerate(kinds) if kind != "dense"), len(kinds))


def _dense(facts: Facts) -> bool:
    return facts.layer is not None and facts.layer < _leading(facts)


def _sparse(facts: Facts) -> bool:
    return not _dense(facts)


def _later_dense(facts: Facts) -> object:
    kinds = facts.get("mlp_layer_types")
    return kinds if isinstance(kinds, list) and "dense" in kinds[_leading(facts) :] else None


def _dense_inner(facts: Facts) -> int:
    return facts.integer(_DENSE_INNER)


def _shared_inner(facts: Facts) -> int:
    return inner(facts) * facts.integer("num_shared_experts")


def _shared_count(facts: Facts) -> int | None:
    return facts.get("num_shared_experts") or None


def _shared_length(facts: Facts) -> int | None:
    return _shared_inner(facts) if _shared_count(facts) else None


def _normalised(facts: Facts) -> bool:
    """Return whether the chosen experts' weights sum to 1: the class's softmax is over them."""
    return facts.get("expert_selection_fn") == "softmax" or bool(facts.get("norm_topk_prob"))


COHERE2MOE = Architecture(
    name="cohere2moe",
    hf=("Cohere2MoeForCausalLM", "Cohere2MoeModel"),
    vocab="auto",
    keys=(
        *lacking(said_type(NORM_KEYS), "feed_forward_length"),
        Key(
            "{arch}.feed_forward_length",
            "uint32",
            (_DENSE_INNER, "intermediate_size"),
            at_least=1,
        ),
        Key("{arch}.attention.layer_norm_rms_epsilon", "float32", ("rms_norm_eps",), above=0),
        *EXPERT_KEYS,
        gating_key("expert_selection_fn"),
        LOGIT_SCALE_KEY,
        *layered_window_keys(_WINDOWS),
        VOCAB_KEY,
        Key("{arch}.expert_feed_forward_length", "uint32", ("intermediate_size",), at_least=1),
        Key("{arch}.leading_dense_block_count", "uint32", derive=_leading),
        Key("{arch}.expert_weights_norm", "bool", derive=_normalised),
        Key("{arch}.expert_shared_count", "uint32", derive=_shared_count),
        Key("{arch}.expert_shared_feed_forward_length", "uint32", derive=_shared_length),
        Key("{arch}.rope.dimension_count", "uint32", derive=head_dim),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *switched(swiglu(norm_source="", size=_dense_inner), _dense),
                *switched((router(), *routed(size=inner)), _sparse),
                *switched(
                    switched(shared("mlp.shared_experts.", size=_shared_inner), _sparse),
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
        Implements("mlp_layer_types", (None,), _later_dense),
        layer_kinds(),
        some_window(_WINDOWS),
    ),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
