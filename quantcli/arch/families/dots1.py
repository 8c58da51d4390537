"""dots.llm1: DeepSeek's experts on an attention with a norm on each head."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, attention, head_norms, output
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_SIZE_KEYS,
    GROUP_KEYS,
    SIGMOID,
    WEIGHTS_NORM_KEY,
    dense_then_routed,
    gating_key,
    routing_problems,
    shared_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, heads, heads_kv
from quantcli.arch.relations import full_attention_remark, window, without
from quantcli.arch.windows import SLIDING, layer_kinds


def _ungrouped(facts: Facts) -> Iterable[str]:
    """Give key heads that several query heads share, which the runtime does not load."""
    if heads(facts) != heads_kv(facts):
        yield (
            f"num_key_value_heads is {heads_kv(facts)}; llama.cpp loads dots1 with as many as the "
            f"{heads(facts)} query heads only"
        )


def _windowed(facts: Facts) -> Iterable[str]:
    """Tell that some layers attend to a window only, which the runtime's graph does not do."""
    kinds, first = facts.get("layer_types"), facts.get("max_window_layers")
    some = SLIDING in kinds if isinstance(kinds, list) else (first or 0) < facts.integer(*LAYERS)
    if some and (length := window(facts)) is not None:
        yield full_attention_remark(facts, length)


DOTS1 = Architecture(
    name="dots1",
    hf=("Dots1ForCausalLM",),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        *EXPERT_SIZE_KEYS,
        *GROUP_KEYS,
        gating_key("scoring_func"),
        WEIGHTS_NORM_KEY,
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(Stack((*attention(), *head_norms(), *dense_then_routed())),),
    defaults={"dots1": SIGMOID},
    graph=(
        *decoder_graph(),
        *DENSE_FIRST,
        Implements("scoring_func", ("sigmoid", "noaux_tc")),
        without("attention_bias"),
        layer_kinds(),
    ),
    checks=(*DECODER_CHECKS, routing_problems, shared_problems, _ungrouped),
    remarks=(*DECODER_REMARKS, _windowed),
)
