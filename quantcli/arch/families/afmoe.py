"""Arcee's Trinity: gated attention that rotates its windowed layers only, experts after dense."""

from __future__ import annotations

import math

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import (
    attention,
    embedding,
    head_norms,
    norm,
    output,
    row,
    switched,
    transformed,
)
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.experts import (
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    LEADING_DENSE_KEY,
    SHARED_COUNT_KEY,
    dense_then_routed,
    gating_key,
    routing_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import query_width, width
from quantcli.arch.relations import headless, without
from quantcli.arch.windows import periodic, windows

_PERIOD = 4
_windows = windows(_PERIOD, "global_attn_every_n_layers")


def _other_layers(facts: Facts) -> object:
    """Return the kinds of layers unless the last of every four has neither window nor rotation."""
    have = _windows(facts)
    return None if have == periodic(facts, _PERIOD) else (facts.get("layer_types") or "another")


def _no_window(facts: Facts) -> str | None:
    return None if facts.get("sliding_window") else "none"


def _embedding_scale(facts: Facts) -> float:
    """Return what takes the graph's own factor off an embedding that the class does not scale."""
    return 1.0 if facts.get("mup_enabled") else 1 / math.sqrt(width(facts))


def _unscaled(facts: Facts) -> bool:
    return not facts.get("mup_enabled")


def _apart(facts: Facts) -> bool:
    """Tell whether a tied output layer must be written, being no longer the embedding."""
    return _unscaled(facts) and headless(facts) and not facts.has("lm_head.weight")


AFMOE = Architecture(
    name="afmoe",
    hf=("AfmoeForCausalLM",),
    vocab="auto",
    keys=(
        *LLAMA_KEYS,
        *EXPERT_KEYS,
        SHARED_COUNT_KEY,
        EXPERT_LENGTH_KEY,
        LEADING_DENSE_KEY,
        gating_key("score_func"),
        Key("{arch}.expert_weights_norm", "bool", derive=lambda facts: True),
        Key("{arch}.expert_weights_scale", "float32", ("route_scale",)),
        Key("{arch}.attention.sliding_window", "uint32", ("sliding_window",), at_least=1),
    ),
    globals=(
        row("output.weight", "embed_tokens.weight", when=_apart),
        *switched(embedding(), lambda facts: not _unscaled(facts)),
        *switched(
            transformed(embedding(), {"token_embd.weight": ("multiply", (_embedding_scale,))}),
            _unscaled,
        ),
        *output(),
    ),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(),
                row("attn_gate.weight", "self_attn.gate_proj.weight", shape=(query_width, width)),
                norm("post_attention_norm", "post_attention_layernorm"),
                *dense_then_routed(
                    "mlp.expert_bias",
                    router_source="mlp.router.gate",
                    norm_source="pre_mlp_layernorm",
                ),
                norm("post_ffw_norm", "post_mlp_layernorm"),
            )
        ),
    ),
    graph=(
        *decoder_graph(),
        without("attention_bias"),
        Implements("layer_types", (None,), _other_layers),
        Implements(
            "sliding_window", (None,), lambda f: None if f.get("sliding_window") else "none"
        ),
        Implements("score_func", ("sigmoid",)),
        Implements("route_norm", (True,)),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("num_expert_groups", "num_limited_groups", "load_balance*"),
)
