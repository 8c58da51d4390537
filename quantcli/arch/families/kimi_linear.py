"""Kimi Linear: gated delta attention, and every few layers latent attention without positions.

Released configs keep what concerns the delta layers in one object, transformers' beside the rest.
"""

from __future__ import annotations

from typing import Any

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, output, switched
from quantcli.arch.decoders import DECODER_REMARKS
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_SIZE_KEYS,
    GROUP_KEYS,
    SIGMOID,
    dense_then_routed,
    gating_key,
    routing_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.kda import delta_attention
from quantcli.arch.keys import heads
from quantcli.arch.mla import LATENT_IGNORED, latent_attention, latent_keys, latent_problems
from quantcli.arch.recurrent import both_kinds, per_layer
from quantcli.arch.relations import PLAIN, SILU, without

_DIM, _WINDOW = "linear_head_dim", "linear_conv_kernel_dim"


def _of_linear(name: str) -> Any:
    """Return the question for a field of the released configs' object."""
    return lambda facts: (facts.get("linear_attn_config") or {}).get(name)


def _attends(facts: Facts) -> bool:
    """Tell whether a layer has latent attention: by name, by number from 1, or every fourth."""
    kinds, numbers = facts.get("layer_types"), _of_linear("full_attn_layers")(facts)
    layer = facts.layer or 0
    if isinstance(kinds, list):
        return layer < len(kinds) and kinds[layer] == "full_attention"
    if isinstance(numbers, list):
        return layer + 1 in numbers
    return layer > 0 and layer % 4 == 0


def _recurs(facts: Facts) -> bool:
    return not _attends(facts)


def _dim(facts: Facts) -> int:
    return facts.integer(_DIM)


def _window(facts: Facts) -> int:
    return facts.integer(_WINDOW)


def _one(facts: Facts) -> int:
    return 1


def _unknown(kinds: Any) -> Any:
    known = ("full_attention", "linear_attention")
    return next((k for k in kinds if k not in known), None) if isinstance(kinds, list) else None


def _other_heads(facts: Facts) -> Any:
    """Return the number of heads of the delta layers if it is not that of the others."""
    count = facts.get("linear_num_heads")
    return None if count in (None, heads(facts)) else count


_UNWRITTEN = ("head_count_kv", "value_length", "freq_base")

KIMI_LINEAR = Architecture(
    name="kimi-linear",
    hf=("KimiLinearForCausalLM", "KimiLinearModel"),
    vocab="auto",
    keys=(
        *(
            key
            for key in latent_keys(lambda facts: (1.0, 0.0))
            if not key.name.endswith(_UNWRITTEN) and ".rope.scaling." not in key.name
        ),
        Key("{arch}.attention.head_count_kv", "array:int32", derive=per_layer(_attends, _one)),
        Key("{arch}.ssm.conv_kernel", "uint32", derive=_window, at_least=1),
        Key("{arch}.kda.head_dim", "uint32", derive=_dim, at_least=1),
        *EXPERT_SIZE_KEYS,
        *GROUP_KEYS,
        gating_key("moe_router_activation_func", "scoring_func"),
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *switched(latent_attention(direct=True), _attends),
                *switched(delta_attention(_dim, _window), _recurs),
                *dense_then_routed(names=("w1", "w3", "w2")),
            )
        ),
    ),
    renames=((".block_sparse_moe.", ".mlp."), (".self_attn.forget_gate.", ".self_attn.")),
    defaults={
        "kimi_linear": {
            **SIGMOID,
            "first_k_dense_replace": 1,
            "n_group": lambda facts: facts.get("num_expert_group"),
            "norm_topk_prob": lambda facts: facts.get("moe_renormalize"),
            "n_shared_experts": lambda facts: facts.get("num_shared_experts"),
            "max_position_embeddings": lambda facts: facts.get("model_max_length"),
            _DIM: _of_linear("head_dim"),
            _WINDOW: _of_linear("short_conv_kernel_size"),
            "linear_num_heads": _of_linear("num_heads"),
        }
    },
    graph=(
        SILU,
        *PLAIN,
        *DENSE_FIRST,
        without("attention_bias"),
        # The graph has no latent of the queries, though the loader does.
        without("q_lora_rank"),
        Implements("norm_topk_prob", (True, None)),
        Implements("scoring_func", ("sigmoid",)),
        Implements("moe_router_activation_func", ("sigmoid",)),
        Implements("linear_num_heads", (None,), _other_heads),
        Implements("mla_use_nope", (True,)),
        Implements("layer_types", (None,), lambda f: _unknown(f.get("layer_types"))),
        both_kinds("layer_types", _attends, _recurs),
    ),
    checks=(latent_problems, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=(*LATENT_IGNORED, "use_grouped_topk", "rope_*", "num_nextn_predict_layers"),
)
