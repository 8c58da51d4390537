"""Mistral 4: DeepSeek's latent attention and experts, queries that grow with the position."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT
from quantcli.arch.decoders import DECODER_REMARKS
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_SIZE_KEYS,
    GROUP_KEYS,
    SPARING_NORM_KEY,
    dense_then_routed,
    routing_problems,
    shared_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.mla import (
    LATENT_IGNORED,
    QUERY_RANK_KEY,
    deepseek32_scaling,
    latent_attention,
    latent_graph,
    latent_keys,
    latent_problems,
)
from quantcli.arch.rope import TEMPERATURE_KEY, original_context

_OUTER = "Mistral3ForConditionalGeneration"
_PART = "rope_scaling.partial_rotary_factor"


def _part(facts: Facts) -> object:
    """Return the rotated part of a head where it is not the one that its lengths say."""
    rotated, said = facts.integer("qk_rope_head_dim"), facts.rope_number("partial_rotary_factor")
    length = facts.integer("qk_nope_head_dim") + rotated
    return None if said is None or round(said * length) == rotated else said


def _length(facts: Facts) -> int | None:
    """Return after how many positions the queries grow; None where they do not."""
    grows = facts.rope_number("llama_4_scaling_beta")
    return int(original_context(facts)) if grows else None


MISTRAL4 = Architecture(
    name="mistral4",
    hf=("Mistral4ForCausalLM", _OUTER),
    vocab="llama",
    keys=(
        *latent_keys(deepseek32_scaling),
        QUERY_RANK_KEY,
        *EXPERT_SIZE_KEYS,
        *GROUP_KEYS,
        SPARING_NORM_KEY,
        TEMPERATURE_KEY,
        Key("{arch}.attention.temperature_length", "uint32", derive=_length),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*latent_attention(), *dense_then_routed())),),
    graph=(
        *(each for each in latent_graph() if each.field != _PART),
        Implements(_PART, (None,), _part),
        *DENSE_FIRST,
    ),
    checks=(latent_problems, routing_problems, shared_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=(*LATENT_IGNORED, "rope_*.max_position_embeddings"),
    partly={_OUTER: lambda facts: facts.get("model_type") == "mistral4"},
)
