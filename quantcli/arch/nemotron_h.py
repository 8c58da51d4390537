"""What Nemotron H with and without experts share: every block is of one kind, named in a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from quantcli.arch.architecture import Check, Count, Implements, Key, Row, Value
from quantcli.arch.blocks import When, attention, embedding, norm, output, paired, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import BLOCK_COUNT_KEY, HEADS_KEY, LAYERS, WIDTH_KEY, head_dim, heads_kv
from quantcli.arch.recurrent import (
    STATE_IGNORED,
    UNBOUNDED_CONTEXT_KEY,
    State,
    both_kinds,
    mamba2,
    per_layer,
    product,
    size,
    ssm_keys,
    state_graph,
)
from quantcli.arch.relations import (
    PLAIN,
    grouped_heads,
    rows_of,
    tied_remark,
    vocabulary_remark,
    without,
)
from quantcli.errors import ConfigError

_KINDS = {
    "M": "recurrent",
    "*": "attention",
    "-": "mlp",
    "E": "moe",
    "mamba": "recurrent",
    "linear_attention": "recurrent",
    "attention": "attention",
    "full_attention": "attention",
    "mlp": "mlp",
    "moe": "moe",
}
_LISTS = ("layers_block_type", "layer_types", "hybrid_override_pattern")


def kinds(facts: Facts) -> tuple[str, ...]:
    """Return the kind of each block: "recurrent", "attention", "mlp" or "moe".

    Raises:
        ConfigError: the config has no list of them, or an unknown one in it.
    """
    said = facts.get(*_LISTS)
    if said is None:
        # What the class falls back to.
        said = "ME*-"
    unknown = [kind for kind in said if kind not in _KINDS] if isinstance(said, (list, str)) else []
    if not isinstance(said, (list, str)) or unknown:
        raise ConfigError(f"{' or '.join(_LISTS)} has blocks of unknown kinds: {unknown or said}")
    return tuple(_KINDS[kind] for kind in said)


def is_kind(kind: str) -> When:
    """Return whether a block is of this kind."""

    def found(facts: Facts) -> bool:
        every = kinds(facts)
        return facts.layer is not None and facts.layer < len(every) and every[facts.layer] == kind

    return found


def blocks(facts: Facts) -> int:
    """Return the number of blocks, which the list of their kinds decides."""
    return len(kinds(facts))


def predicting(facts: Facts) -> int:
    """Return 1 for a model with blocks that predict a further token, which the runtime has as one.

    The first of the two attends, the second routes; transformers loads neither.
    """
    return int(any(name.startswith("mtp.layers.") for name in facts.tensors))


def _with_predicting(kind: When, count: Count) -> Callable[[Facts], Value]:
    """Return as `per_layer`; the block that predicts is of this kind too."""
    layers = per_layer(kind, count)

    def counts(facts: Facts) -> Value:
        found = layers(facts)
        assert isinstance(found, tuple)
        return (*found, *(count(facts) for _ in range(predicting(facts))))

    return counts


def _all_blocks(facts: Facts) -> int:
    return blocks(facts) + predicting(facts)


SIZES = State(
    conv=size("conv_kernel", "mamba_d_conv"),
    inner=product(size("mamba_num_heads"), size("mamba_head_dim")),
    state=size("ssm_state_size"),
    rank=size("mamba_num_heads"),
    groups=size("n_groups", "mamba_n_groups"),
)


def nemotron_keys(feeds: str, length: Count) -> tuple[Key, ...]:
    """Return the keys that both have.

    Args:
        feeds: kind of the blocks that feed forward.
        length: their inner length.
    """
    return (
        replace(BLOCK_COUNT_KEY, fields=(), derive=_all_blocks),
        UNBOUNDED_CONTEXT_KEY,
        WIDTH_KEY,
        Key(
            "{arch}.feed_forward_length",
            "array:int32",
            derive=_with_predicting(is_kind(feeds), length),
        ),
        HEADS_KEY,
        Key(
            "{arch}.attention.head_count_kv",
            "array:int32",
            derive=_with_predicting(is_kind("attention"), heads_kv),
        ),
        Key("{arch}.attention.key_length", "uint32", derive=head_dim, at_least=1),
        Key("{arch}.attention.value_length", "uint32", derive=head_dim, at_least=1),
        Key("{arch}.vocab_size", "uint32", derive=rows_of("embeddings.weight")),
        Key("{arch}.rope.dimension_count", "uint32", derive=head_dim),
        # The attention knows no positions.
        Key("{arch}.rope.scaling.finetuned", "bool", derive=lambda facts: False),
        Key("{arch}.attention.layer_norm_epsilon", "float32", ("layer_norm_epsilon",), above=0),
        *ssm_keys(SIZES),
    )


NEMOTRON_GLOBALS: tuple[Row, ...] = (
    *embedding("embeddings"),
    *output("norm_f", embedding="embeddings"),
)
# Without positions the order of a head's rows is free, as long as that of q and k is one. This is
# that of llama.cpp's converter.
NEMOTRON_ATTENTION: tuple[Row, ...] = paired(
    attention(at="mixer.", norm_source="", output_bias=True)
)
NEMOTRON_BLOCK: tuple[Row, ...] = (
    norm("attn_norm", "norm"),
    *switched(mamba2("mixer.", SIZES), is_kind("recurrent")),
    *switched(NEMOTRON_ATTENTION, is_kind("attention")),
)
"""Rows of every block but the feed-forward's."""


def _count(facts: Facts) -> Iterable[str]:
    said = facts.get(*LAYERS)
    if said is not None and said != blocks(facts):
        yield f"num_hidden_layers is {said}, but the kinds of {blocks(facts)} blocks are listed"


# The class's own floor of the time step, below which hardly a trained model's steps are.
_LEAST_STEP = 0.001


def _least_step(facts: Facts) -> Iterable[str]:
    least = facts.get("time_step_min")
    if isinstance(least, (int, float)) and least > _LEAST_STEP:
        yield (
            f"time_step_min is {least:g}: transformers raises smaller time steps to it as long as "
            f"it reads a prompt, and leaves those of new tokens; llama.cpp leaves all"
        )


NEMOTRON_GRAPH: tuple[Implements, ...] = (
    both_kinds("layers_block_type", is_kind("attention"), is_kind("recurrent")),
    Implements("mamba_hidden_act", ("silu",)),
    Implements("mlp_hidden_act", ("relu2",)),
    *state_graph(),
    without("mamba_proj_bias"),
    without("sliding_window"),
    *PLAIN,
)
NEMOTRON_CHECKS: tuple[Check, ...] = (_count, grouped_heads)
NEMOTRON_REMARKS: tuple[Check, ...] = (
    _least_step,
    tied_remark,
    vocabulary_remark("embeddings.weight"),
)
NEMOTRON_IGNORED = (
    *STATE_IGNORED,
    "expand",
    "hybrid_override_pattern",
    "mamba_ssm_cache_dtype",
    # Without positions there is no most of them.
    "max_position_embeddings",
    "moe_shared_expert_overlap",
    "mtp_*",
    "num_logits_to_keep",
)
