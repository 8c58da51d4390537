"""What Llama-like decoders share beside their tensors: keys, what the graph has, relations."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Check, Implements, Key
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    CAUSAL_KEY,
    HEAD_KEYS,
    LAYERS,
    NORM_EPSILON_KEY,
    RMS_EPSILON_KEY,
    SIZE_KEYS,
    head_dim,
    lacking,
)
from quantcli.arch.relations import (
    PLAIN,
    SILU,
    full_attention_remark,
    grouped_heads,
    rows_of,
    tied_remark,
    vocabulary_remark,
    window,
)
from quantcli.arch.rope import ROPE_KEYS, rotary, rotary_problems
from quantcli.arch.sentence import POOLING_KEY

DECODER_KEYS: tuple[Key, ...] = (
    *SIZE_KEYS,
    *HEAD_KEYS,
    CAUSAL_KEY,
    *ROPE_KEYS,
    RMS_EPSILON_KEY,
    POOLING_KEY,
)
NORM_KEYS: tuple[Key, ...] = (
    *lacking(DECODER_KEYS, RMS_EPSILON_KEY.name),
    NORM_EPSILON_KEY,
)
"""The keys of a decoder whose norms also subtract the mean."""
VOCAB_KEY = Key("{arch}.vocab_size", "uint32", derive=rows_of("embed_tokens.weight"))
# Of the families whose converter is the one of Llama.
LLAMA_KEYS: tuple[Key, ...] = (
    *DECODER_KEYS,
    VOCAB_KEY,
    Key("{arch}.rope.dimension_count", "uint32", derive=head_dim),
)
# What the converter says of models whose heads it sorts as those of the first Llama; not read.
LAYOUT_KEY = Key("{arch}.tensor_data_layout", "string", derive=lambda facts: "Meta AI original pth")
DECODER_CHECKS: tuple[Check, ...] = (grouped_heads, rotary_problems)
DECODER_REMARKS: tuple[Check, ...] = (tied_remark, vocabulary_remark("embed_tokens.weight"))


def decoder_graph(
    *rope_kinds: str,
    partial: bool = False,
    betas: bool = False,
    truncated: bool = True,
    activation: Implements = SILU,
) -> tuple[Implements, ...]:
    """Return what the graph of a gated decoder with rotated heads has.

    Args:
        rope_kinds: rotary scalings beside those that need nothing but keys.
        partial: whether a part of each head may be rotated (see `rope.rotary`).
        betas: whether YaRN's ramp may have any ends (see there).
        truncated: whether YaRN's ramp must end at whole dimensions (see there).
        activation: the activation of the feed-forward.
    """
    return (
        activation,
        *rotary(*rope_kinds, partial=partial, betas=betas, truncated=truncated),
        *PLAIN,
    )


# Fields of Qwen's configs that say where the sliding window is on.
def qwen_window_remark(facts: Facts) -> Iterable[str]:
    """Tell that some layers attend to a window only, which the runtime's graph does not do."""
    # Asked for even where the switch is off, so that they count as looked at.
    kinds, first = facts.get("layer_types"), facts.get("max_window_layers")
    length = window(facts)
    if length is None or not facts.get("use_sliding_window"):
        return
    if isinstance(kinds, list):
        windowed = "sliding_attention" in kinds
    else:
        windowed = not isinstance(first, int) or first < facts.integer(*LAYERS)
    if windowed:
        yield full_attention_remark(facts, length)


def _kinds(facts: Facts) -> object:
    """Return the kind of layers that is none of the two known ones, None without any."""
    kinds = facts.get("layer_types")
    if not isinstance(kinds, list):
        return kinds
    return next((k for k in kinds if k not in ("full_attention", "sliding_attention")), None)


QWEN_LAYERS = Implements("layer_types", (None,), _kinds)
QWEN_GRAPH: tuple[Implements, ...] = (*decoder_graph(), QWEN_LAYERS)
