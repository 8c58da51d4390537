"""Mellum 2: Qwen 3's attention with windows in some layers, and experts in all."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, attention, head_norms, norm, output
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import EXPERT_KEYS, EXPERT_LENGTH_KEY, routed, router, routing_problems
from quantcli.arch.facts import Facts
from quantcli.arch.relations import each_layer, without
from quantcli.arch.windows import layer_kinds, layered_window_keys, windows

_asked = windows(1)


def _local_theta(facts: Facts) -> object:
    """Return the rotary base of the layers with a window where it is not that of the others."""
    local = facts.rope_local_theta
    return local if any(_asked(facts)) and local != facts.rope_number("rope_theta") else None


MELLUM = Architecture(
    name="mellum",
    hf=("MellumForCausalLM",),
    vocab="auto",
    keys=(*DECODER_KEYS, *EXPERT_KEYS, EXPERT_LENGTH_KEY, *layered_window_keys(_asked)),
    globals=(*EMBEDDING, *output(copied=True)),
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
    ignored=("mtp.*",),
    graph=(
        *decoder_graph(),
        without("attention_bias"),
        Implements("norm_topk_prob", (True,)),
        layer_kinds(),
        each_layer("mlp_layer_types", lambda facts: "sparse"),
        Implements("rope_parameters.sliding_attention.rope_theta", (None,), _local_theta),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("use_sliding_window", "*mtp_*", "num_nextn_predict_layers"),
)
