"""DeepSeek V2, V3 and R1, and what is built so: Kimi K2, GLM 4.7 Flash, Youtu, GigaChat 3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
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
from quantcli.arch.keys import LAYERS
from quantcli.arch.mla import (
    LATENT_IGNORED,
    compressed_query,
    deepseek2_scaling,
    latent_attention,
    latent_graph,
    latent_keys,
    latent_problems,
)
from quantcli.arch.nextn import further_layers

_FEW_LAYERS, _FEW_VOCABULARY = (26, 27), (48, 128256)


def _lite(facts: Facts) -> bool:
    """Tell whether the loader takes the model, by its sizes, for one without a query latent."""
    layers = facts.integer(*LAYERS)
    return layers in _FEW_LAYERS or (layers, facts.get("vocab_size")) == _FEW_VOCABULARY


def _query_rank(facts: Facts) -> int | None:
    """Return the length of the queries' latent, 0 for none where the loader does not know it."""
    if compressed_query(facts):
        return facts.integer("q_lora_rank")
    return None if _lite(facts) else 0


def _sizes(facts: Facts) -> Iterable[str]:
    """Give sizes by which llama.cpp recognises other models."""
    if _lite(facts) and compressed_query(facts):
        yield (
            f"{facts.integer(*LAYERS)} layers and a q_lora_rank: llama.cpp takes models of this "
            f"size for ones without, and does not load the file"
        )


def _second_version(facts: Facts) -> bool:
    return facts.hf.startswith("DeepseekV2")


def _group_method(facts: Facts) -> Any:
    """Return how DeepSeek V2 chooses groups, if it leaves any out: by their best expert."""
    groups, chosen = facts.get("n_group"), facts.get("topk_group")
    method = facts.get("topk_method")
    limited = _second_version(facts) and method != "greedy" and groups != chosen
    return method if limited else None


def _second_weights(facts: Facts) -> Any:
    return facts.get("norm_topk_prob") if _second_version(facts) else None


DEEPSEEK2 = Architecture(
    name="deepseek2",
    hf=(
        "DeepseekV2ForCausalLM",
        "DeepseekV2Model",
        "DeepseekV3ForCausalLM",
        "DeepseekV3Model",
        "Glm4MoeLiteForCausalLM",
        "YoutuForCausalLM",
        "YoutuVLForConditionalGeneration",
        "KimiVLForConditionalGeneration",
        "KimiK25ForConditionalGeneration",
        "Kimi_K25ForConditionalGeneration",
    ),
    vocab="auto",
    keys=(
        *latent_keys(deepseek2_scaling),
        Key("{arch}.attention.q_lora_rank", "uint32", derive=_query_rank),
        *EXPERT_SIZE_KEYS,
        *GROUP_KEYS,
        gating_key("scoring_func"),
        SPARING_NORM_KEY,
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*latent_attention(direct=True), *dense_then_routed())),),
    ignored=(further_layers,),
    defaults={
        "deepseek_v3": SIGMOID,
        "kimi_k2": SIGMOID,
        "glm4_moe_lite": {**SIGMOID, "first_k_dense_replace": 1},
    },
    graph=(
        *latent_graph(),
        *DENSE_FIRST,
        Implements("topk_method", (None,), _group_method),
        Implements("scoring_func", ("softmax", "sigmoid")),
        # Remote code normalises the weights instead of scaling them, transformers does not.
        Implements("norm_topk_prob", (False, None), _second_weights),
    ),
    checks=(latent_problems, routing_problems, shared_problems, _sizes),
    remarks=DECODER_REMARKS,
    ignored_fields=(*LATENT_IGNORED, "num_nextn_predict_layers"),
)
