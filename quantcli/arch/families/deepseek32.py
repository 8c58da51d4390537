"""DeepSeek V3.2: DeepSeek V3 that attends to the tokens its indexer chooses."""

from __future__ import annotations

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
from quantcli.arch.mla import (
    INDEXER_KEYS,
    LATENT_IGNORED,
    QUERY_RANK_KEY,
    deepseek32_scaling,
    indexer,
    indexer_problems,
    latent_attention,
    latent_graph,
    latent_keys,
    latent_problems,
)
from quantcli.arch.nextn import NEXTN_KEY, NEXTN_ROWS, all_blocks, all_layers

DEEPSEEK32 = Architecture(
    name="deepseek32",
    hf=("DeepseekV32ForCausalLM",),
    vocab="auto",
    keys=(
        *all_blocks(latent_keys(deepseek32_scaling)),
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
            (*latent_attention(), *indexer(), *dense_then_routed(), *NEXTN_ROWS), count=all_layers
        ),
    ),
    defaults={"deepseek_v32": SIGMOID},
    graph=(
        *latent_graph(),
        *DENSE_FIRST,
        Implements("scoring_func", ("sigmoid",)),
    ),
    checks=(latent_problems, indexer_problems, routing_problems, shared_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=(*LATENT_IGNORED, "topk_method", "layer_types"),
)
