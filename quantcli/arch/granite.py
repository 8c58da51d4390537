"""What Granite's models share: four multipliers, Llama's attention with optional biases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from quantcli.arch.architecture import Implements, Key, Row, Value
from quantcli.arch.blocks import attention, halves, paired, row
from quantcli.arch.decoders import DECODER_KEYS, decoder_graph
from quantcli.arch.experts import router
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, experts, head_dim, heads, inner, lacking, width
from quantcli.arch.relations import rows_of, unless
from quantcli.arch.rope import LLAMA3, LONGROPE
from quantcli.arch.windows import SLIDING

HYBRID = "GraniteMoeHybridForCausalLM"
"""The class of Granite 4: some of its models have attention in all layers, and no state."""


def attends(facts: Facts) -> bool:
    """Tell whether a layer of a hybrid attends, by the names of today, of yesterday, or indices."""
    kinds, layer = facts.get("layer_types", "layers_block_type"), facts.layer or 0
    if isinstance(kinds, list) and layer < len(kinds):
        return kinds[layer] in ("full_attention", "attention")
    return layer in (facts.get("attn_layer_indices") or ())


def _no_state(facts: Facts) -> bool:
    return all(attends(facts.at(layer)) for layer in range(facts.integer(*LAYERS)))


def all_dense(facts: Facts) -> bool:
    """Tell whether a model of the hybrid class is one of attention and dense feed-forwards."""
    return _no_state(facts) and not experts(facts)


def all_routed(facts: Facts) -> bool:
    """Tell whether a model of the hybrid class is one of attention and experts."""
    return _no_state(facts) and bool(experts(facts))


def positions(facts: Facts) -> bool | None:
    """Tell whether heads are rotated, None of classes that know no other way."""
    if facts.hf == HYBRID:
        return bool(facts.get("position_embedding_type") == "rope")
    return True if facts.hf.startswith("Bamba") else None


def shared_inner(facts: Facts) -> int:
    """Return the inner length of the shared expert, of the feed-forward where it is alone."""
    return facts.integer(SHARED)


def dense_inner(facts: Facts) -> int:
    """Return the inner length of a feed-forward or of one expert."""
    return shared_inner(facts) if facts.hf == HYBRID and not experts(facts) else inner(facts)


def _unlike_the_width(facts: Facts) -> Value | None:
    """Return the length of a head where it does not follow from the width."""
    return None if heads(facts) * head_dim(facts) == width(facts) else head_dim(facts)


def _unless_zero(field: str) -> Callable[[Facts], Value | None]:
    return lambda facts: facts.get(field) or None


_INNER = "{arch}.feed_forward_length"
GRANITE_KEYS: tuple[Key, ...] = (
    *(
        replace(key, fields=(), derive=dense_inner) if key.name == _INNER else key
        for key in lacking(DECODER_KEYS, "key_length", "value_length")
    ),
    Key("{arch}.rope.scaling.finetuned", "bool", derive=positions),
    Key("{arch}.attention.key_length", "uint32", derive=_unlike_the_width, at_least=1),
    Key("{arch}.attention.value_length", "uint32", derive=_unlike_the_width, at_least=1),
    Key("{arch}.vocab_size", "uint32", derive=rows_of("embed_tokens.weight")),
    Key("{arch}.rope.dimension_count", "uint32", derive=head_dim),
    # Without the key the graph takes the root of a head's length.
    Key("{arch}.attention.scale", "float32", ("attention_multiplier",), above=0),
    Key("{arch}.embedding_scale", "float32", derive=_unless_zero("embedding_multiplier")),
    Key("{arch}.residual_scale", "float32", derive=_unless_zero("residual_multiplier")),
    Key("{arch}.logit_scale", "float32", ("logits_scaling",), required=True, above=0),
)
# What releases and newer versions of the class call the experts' matrices.
GRANITE_SUFFIXES = (
    ("block_sparse_moe.router.layer.weight", "block_sparse_moe.router.weight"),
    ("block_sparse_moe.input_linear.weight", "block_sparse_moe.experts.gate_up_proj"),
    ("block_sparse_moe.output_linear.weight", "block_sparse_moe.experts.down_proj"),
)
SHARED = "shared_intermediate_size"
SHARED_LENGTH_KEY = Key(
    "{arch}.expert_shared_feed_forward_length", "uint32", derive=_unless_zero(SHARED)
)
GRANITE_EXPERTS: tuple[Row, ...] = (
    router("block_sparse_moe.router"),
    *halves(
        ("ffn_gate_exps.weight", "ffn_up_exps.weight"),
        "block_sparse_moe.experts.gate_up_proj",
        inner,
        (experts,),
    ),
    row(
        "ffn_down_exps.weight",
        "block_sparse_moe.experts.down_proj",
        shape=(experts, width, inner),
    ),
)


def shared_mlp(suffix: str = "") -> tuple[Row, ...]:
    """Return the rows of the fused feed-forward: a shared expert ("_shexp"), or the only one."""
    names = (f"ffn_gate{suffix}.weight", f"ffn_up{suffix}.weight")
    return (
        *halves(names, "shared_mlp.input_linear.weight", shared_inner),
        row(
            f"ffn_down{suffix}.weight",
            "shared_mlp.output_linear.weight",
            shape=(width, shared_inner),
        ),
    )


_BIASES = unless("attention_bias")
GRANITE_ATTENTION: tuple[Row, ...] = paired(attention(biases=_BIASES, output_bias=_BIASES))
GRANITE_GRAPH: tuple[Implements, ...] = decoder_graph(LLAMA3, *LONGROPE)
# Of the hybrid class, whose models may have no state and no experts.
GRANITE_IGNORED = (
    "layer_types",
    "layers_block_type",
    "mamba_*",
    "normalization_function",
    "num_experts_per_tok",
    "rms_norm_function",
    "shared_intermediate_size",
    "time_step_limit",
)


# ------------------------------------------------- layers with a window, rotated or not
def granite_windows(facts: Facts) -> tuple[bool, ...]:
    """Return which layers have a window: by layer_types, or all but the first of every four."""
    kinds = facts.get("layer_types")
    if isinstance(kinds, list):
        return tuple(kind == SLIDING for kind in kinds)
    return tuple(i % 4 != 0 for i in range(facts.integer(*LAYERS)))


def _bases(facts: Facts) -> list[object]:
    bases = facts.get("layer_rope_theta")
    return bases if isinstance(bases, list) else []


def rotated(facts: Facts) -> Value | None:
    """Return which layers are rotated: those whose base is not 0."""
    return tuple(base != 0 for base in _bases(facts)) if 0 in _bases(facts) else None


def other_base(facts: Facts) -> object:
    """Return a layer's rotary base that is neither the model's nor 0, None without any."""
    known = (0, facts.rope_number("rope_theta"))
    return next((base for base in _bases(facts) if base not in known), None)
