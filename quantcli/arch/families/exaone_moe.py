"""K-EXAONE: EXAONE 4's attention behind norms, windows, and experts after the first layers.

Longer than most, as it has windows, dense layers, routed and shared experts, and their eight keys.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import (
    EMBEDDING,
    attention,
    head_norms,
    norm,
    output,
    row,
    swiglu,
    switched,
)
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    VOCAB_KEY,
    decoder_graph,
)
from quantcli.arch.experts import (
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    GROUP_KEYS,
    LEADING_DENSE_KEY,
    WEIGHTS_NORM_KEY,
    WEIGHTS_SCALE_KEY,
    dense_layer,
    expert_inner,
    routed,
    router,
    routing_problems,
    shared,
    sparse_layer,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import experts
from quantcli.arch.relations import each_layer
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS, said_type
from quantcli.arch.windows import periodic_layers, some_window, window_keys, windows

_PERIOD = 4
_layers = windows(_PERIOD)


def _asked(facts: Facts) -> tuple[bool, ...]:
    return _layers(facts) if facts.get("sliding_window") is not None else ()


def _shared_inner(facts: Facts) -> int:
    return expert_inner(facts) * facts.integer("num_shared_experts")


EXAONE_MOE = Architecture(
    name="exaone-moe",
    hf=("ExaoneMoeForCausalLM", "ExaoneMoEForCausalLM"),
    vocab="auto",
    keys=(
        *said_type(DECODER_KEYS),
        *EXPERT_KEYS,
        *GROUP_KEYS,
        Key("{arch}.expert_gating_func", "uint32", derive=lambda facts: 2),
        VOCAB_KEY,
        *window_keys(_asked, _PERIOD),
        EXPERT_LENGTH_KEY,
        Key("{arch}.expert_shared_count", "uint32", ("num_shared_experts",)),
        Key("{arch}.expert_shared_feed_forward_length", "uint32", derive=_shared_inner),
        WEIGHTS_SCALE_KEY,
        WEIGHTS_NORM_KEY,
        LEADING_DENSE_KEY,
        # Multi-token prediction is left out: the runtime would keep it and not compute it.
        Key("{arch}.nextn_predict_layers", "uint32", derive=lambda facts: 0),
    ),
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(),
                *switched(swiglu(), dense_layer),
                *switched(
                    (
                        norm("ffn_norm", "post_attention_layernorm"),
                        router(),
                        row(
                            "exp_probs_b.bias",
                            "mlp.e_score_correction_bias",
                            shape=(experts,),
                        ),
                        *routed(),
                        *shared("mlp.shared_experts.", size=_shared_inner),
                    ),
                    sparse_layer,
                ),
            )
        ),
    ),
    suffixes=(("mlp.gate.e_score_correction_bias", "mlp.e_score_correction_bias"),),
    ignored=("mtp.*",),
    graph=(
        *decoder_graph(LLAMA3),
        some_window(_asked),
        periodic_layers(_asked),
        each_layer("mlp_layer_types", lambda facts: "dense" if dense_layer(facts) else "sparse"),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("num_nextn_predict_layers", "mtp_*", "first_last_k_dense_replace"),
)
