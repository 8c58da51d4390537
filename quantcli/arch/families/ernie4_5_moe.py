"""ERNIE 4.5 with experts after the first layers.

Longer than most: its fields are its own, and the runtime has one of the ways they can be set.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, norm, row, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.ernie import ernie_attention, ernie_feed_forward
from quantcli.arch.experts import (
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    expert_inner,
    routed,
    router,
    routing_problems,
    shared,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, experts
from quantcli.arch.relations import without

_FIRST = "moe_layer_start_index"


def _shared_experts(facts: Facts) -> int:
    return facts.integer("moe_num_shared_experts") if facts.get("moe_num_shared_experts") else 0


def _shared_inner(facts: Facts) -> int:
    return expert_inner(facts) * _shared_experts(facts)


def _sparse(facts: Facts) -> bool:
    return (facts.layer or 0) >= facts.integer(_FIRST)


def _end(facts: Facts) -> int | None:
    """Return the last layer with experts unless it is the last of all."""
    end = facts.get("moe_layer_end_index")
    return None if end in (-1, facts.integer(*LAYERS) - 1) else end


ERNIE4_5_MOE = Architecture(
    name="ernie4_5-moe",
    hf=("Ernie4_5_MoeForCausalLM",),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        *EXPERT_KEYS,
        Key("{arch}.interleave_moe_layer_step", "uint32", ("moe_layer_interval",), required=True),
        Key("{arch}.leading_dense_block_count", "uint32", (_FIRST,), required=True),
        EXPERT_LENGTH_KEY,
        Key("{arch}.expert_shared_count", "uint32", ("moe_num_shared_experts",)),
        Key(
            "{arch}.expert_shared_feed_forward_length",
            "uint32",
            derive=lambda facts: _shared_inner(facts) or None,
        ),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *ernie_attention(),
                *switched(ernie_feed_forward(), lambda facts: not _sparse(facts)),
                *switched(
                    (
                        norm("ffn_norm", "post_attention_layernorm"),
                        router(),
                        row(
                            "exp_probs_b.bias",
                            "mlp.moe_statics.e_score_correction_bias",
                            shape=(None, experts),
                        ),
                        *routed(),
                    ),
                    _sparse,
                ),
                *switched(
                    shared("mlp.shared_experts.", size=_shared_inner),
                    lambda facts: _sparse(facts) and _shared_experts(facts) > 0,
                ),
            )
        ),
    ),
    prefixes=("model.", "ernie."),
    renames=((".mlp.gate.moe_statics.", ".mlp.moe_statics."),),
    # Multi-token prediction, which the runtime does not load.
    ignored=("mtp_*",),
    graph=(
        *decoder_graph(),
        without("use_bias"),
        Implements("moe_layer_interval", (1,)),
        Implements("moe_layer_end_index", (None,), _end),
        Implements("moe_gate_act", ("softmax",)),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("moe_norm_min", "moe_capacity", "moe_use_aux_free", "num_nextn_predict_layers"),
)
