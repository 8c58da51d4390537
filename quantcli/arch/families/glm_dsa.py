"""GLM 5: DeepSeek V3.2, where layers may share the choice of tokens with the one before."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, switched
from quantcli.arch.decoders import DECODER_REMARKS
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_SIZE_KEYS,
    GROUP_KEYS,
    SIGMOID,
    SPARING_NORM_KEY,
    dense_then_routed,
    gating_key,
    routing_problems,
    shared_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS
from quantcli.arch.mla import (
    INDEXER_KEYS,
    LATENT_IGNORED,
    QUERY_RANK_KEY,
    deepseek2_scaling,
    indexer,
    indexer_problems,
    latent_attention,
    latent_graph,
    latent_keys,
    latent_problems,
)
from quantcli.arch.nextn import NEXTN_KEY, NEXTN_ROWS, all_blocks, all_layers
from quantcli.arch.rope import rope_type


def _full(facts: Facts) -> tuple[bool, ...] | None:
    """Return for each layer whether it has an indexer or takes the choice of the last that has.

    Without a list or pattern the class takes a first few and then every so many.
    """
    kinds, pattern = facts.get("indexer_types"), facts.get("index_topk_pattern")
    if isinstance(kinds, list):
        return tuple(kind == "full" for kind in kinds)
    if isinstance(pattern, str):
        return tuple(kind == "F" for kind in pattern)
    every, first = facts.get("index_topk_freq"), facts.get("index_skip_topk_offset")
    every, first = every if isinstance(every, int) else 1, first if isinstance(first, int) else 2
    layers = range(facts.integer(*LAYERS))
    return tuple(max(i - first + 1, 0) % max(every, 1) == 0 for i in layers)


def _indexed(facts: Facts) -> bool:
    kinds, layer = _full(facts), facts.layer or 0
    return kinds is None or layer >= len(kinds) or kinds[layer]


def _other_kinds(facts: Facts) -> Iterable[str]:
    """Give a list of indexers that does not say full or shared of every layer."""
    kinds = facts.get("indexer_types", "index_topk_pattern") or ()
    layers = facts.integer(*LAYERS)
    if kinds and (len(kinds) != layers or set(kinds) - {"full", "shared", "F", "S"}):
        yield f"indexer_types is not full or shared for each of the {layers} layers"


GLM_DSA = Architecture(
    name="glm-dsa",
    hf=("GlmMoeDsaForCausalLM",),
    vocab="glm",
    keys=(
        *all_blocks(latent_keys(deepseek2_scaling)),
        QUERY_RANK_KEY,
        *EXPERT_SIZE_KEYS,
        *GROUP_KEYS,
        gating_key("scoring_func"),
        SPARING_NORM_KEY,
        NEXTN_KEY,
        *INDEXER_KEYS,
        Key("{arch}.attention.indexer.types", "array:bool", derive=_full),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *latent_attention(),
                *switched(indexer(), _indexed),
                *dense_then_routed(),
                *NEXTN_ROWS,
            ),
            count=all_layers,
        ),
    ),
    defaults={"glm_moe_dsa": SIGMOID},
    graph=(
        *latent_graph(),
        *DENSE_FIRST,
        Implements("scoring_func", ("sigmoid",)),
        # The loader does not read the weight that the graph's scaling of scores needs.
        Implements("rope_scaling.rope_type", ("", "default"), rope_type),
    ),
    checks=(latent_problems, indexer_problems, routing_problems, shared_problems, _other_kinds),
    remarks=DECODER_REMARKS,
    ignored_fields=(*LATENT_IGNORED, "topk_method", "layer_types"),
)
