"""GLM 5: DeepSeek V3.2's layers, whose indexer llama.cpp keeps without using it."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT
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
from quantcli.arch.keys import context
from quantcli.arch.mla import (
    INDEXER_KEYS,
    LATENT_IGNORED,
    QUERY_RANK_KEY,
    deepseek2_scaling,
    indexer,
    latent_attention,
    latent_graph,
    latent_keys,
    latent_problems,
)
from quantcli.arch.nextn import NEXTN_KEY, NEXTN_ROWS, all_blocks, all_layers
from quantcli.arch.rope import rope_type


def _chosen(facts: Facts) -> Iterable[str]:
    """Tell that the model attends to a choice of tokens, which the runtime's graph does not do."""
    chosen = facts.integer("index_topk")
    if chosen < context(facts):
        yield (
            f"index_topk is {chosen}: llama.cpp's graph attends to all tokens, so texts of more "
            f"than {chosen} tokens give other numbers than in transformers"
        )


GLM_DSA = Architecture(
    name="glm-dsa",
    hf=("GlmMoeDsaForCausalLM",),
    vocab="auto",
    keys=(
        *all_blocks(latent_keys(deepseek2_scaling)),
        QUERY_RANK_KEY,
        *EXPERT_SIZE_KEYS,
        *GROUP_KEYS,
        gating_key("scoring_func"),
        SPARING_NORM_KEY,
        NEXTN_KEY,
        *INDEXER_KEYS,
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (*latent_attention(), *indexer(always=False), *dense_then_routed(), *NEXTN_ROWS),
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
    checks=(latent_problems, routing_problems, shared_problems),
    remarks=(*DECODER_REMARKS, _chosen),
    ignored_fields=(*LATENT_IGNORED, "topk_method", "layer_types", "index*"),
)
