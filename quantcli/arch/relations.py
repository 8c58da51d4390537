"""Relations between config fields and tensors that many architectures share.

Each function gives sentences: problems refuse a model, remarks become notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from quantcli.arch.architecture import Check, Count, Implements
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, context, head_dim, heads, heads_kv, width
from quantcli.errors import ConfigError


def without(field: str) -> Implements:
    """Return a row for a switch or a list that must be off, null or empty."""
    return Implements(field, (False, None, (), [], {}, 0, ""))


# What no graph of a plain decoder or encoder has.
PLAIN: tuple[Implements, ...] = (
    without("is_encoder_decoder"),
    without("add_cross_attention"),
    without("per_layer_config"),
    without("pruned_heads"),
)


def each_layer(field: str, wanted: Callable[[Facts], Any]) -> Implements:
    """Return a row for a list of a value a layer that the runtime's loader does not read.

    Args:
        field: the config field, such as "no_rope_layers".
        wanted: the value that the graph takes for granted, asked at each layer.
    """

    def unlike(facts: Facts) -> Any:
        values = facts.get(field)
        if not isinstance(values, list):
            return values
        same = [wanted(facts.at(layer)) for layer in range(facts.integer(*LAYERS))]
        return None if values == same else values

    return Implements(field, (None,), unlike)


def one_of_all(*fields: str) -> Callable[[Facts], int | None]:
    """Return the question for a number, be it said once or, the same, for every layer.

    The first of `fields` that is present counts. A list of several numbers gives its first: refuse
    it by `uneven`.
    """

    def first(facts: Facts) -> int | None:
        value = facts.get(*fields)
        value = value[0] if isinstance(value, list) and value else value
        return value if isinstance(value, int) else None

    return first


def uneven(*fields: str) -> Implements:
    """Return a row for a list of a number a layer that are not all the same."""

    def differing(facts: Facts) -> Any:
        value = facts.get(*fields)
        return value if isinstance(value, list) and any(n != value[0] for n in value) else None

    return Implements(fields[0], (None,), differing)


SILU = Implements("hidden_act", ("silu", "swish"))
# The runtime computes every one by the tanh formula; the exact one differs by less than 0.001.
GELU = (
    "gelu",
    "gelu_python",
    "gelu_new",
    "gelu_fast",
    "gelu_accurate",
    "gelu_pytorch_tanh",
    "gelu_python_tanh",
)


def whole_heads(facts: Facts) -> Iterable[str]:
    """Give a width that does not divide into the heads."""
    if width(facts) % heads(facts):
        yield f"the width {width(facts)} does not divide into {heads(facts)} attention heads"


def grouped_heads(facts: Facts) -> Iterable[str]:
    """Give heads of no length of their own that do not fill the width, or no whole groups."""
    if facts.get("head_dim") is None:
        yield from whole_heads(facts)
    if heads(facts) % heads_kv(facts):
        yield (
            f"{heads(facts)} heads (num_attention_heads) do not divide into groups for "
            f"{heads_kv(facts)} key heads (num_key_value_heads)"
        )


def heads_fill_the_width(facts: Facts) -> Iterable[str]:
    """Give heads that are not as long together as the width, where the runtime wants a square."""
    if heads(facts) * head_dim(facts) != width(facts):
        yield (
            f"{heads(facts)} heads of {head_dim(facts)} are not the width {width(facts)}, which "
            f"llama.cpp takes for granted in this architecture"
        )


def has_head(facts: Facts) -> bool:
    """Tell whether the class has an output layer of its own, not only the hidden states."""
    return any(part in facts.hf for part in ("CausalLM", "LMHead", "ConditionalGeneration"))


def tied(facts: Facts) -> bool | None:
    """Tell whether the embedding serves as output layer by config and class; None: nobody says."""
    value = facts.get("tie_word_embeddings")
    if value is not None and not isinstance(value, bool):
        raise ConfigError(f"tie_word_embeddings is {value!r}, not true or false")
    return value


def headless(facts: Facts) -> bool:
    """Tell whether the checkpoint may lack an output layer: it is tied, or the class has none."""
    return not has_head(facts) or tied(facts) is not False


def tied_remark(facts: Facts) -> Iterable[str]:
    """Tell that an output layer is stored although the config says that there is none."""
    if has_head(facts) and tied(facts) and facts.shape("lm_head.weight"):
        yield (
            "lm_head.weight is stored although tie_word_embeddings is true; it is written as it is "
            "stored, as transformers uses it where it differs from the embedding"
        )


def vocabulary_remark(embedding: str) -> Check:
    """Return the remark on an embedding with more or fewer rows than vocab_size says."""

    def remark(facts: Facts) -> Iterable[str]:
        shape, said = facts.shape(embedding), facts.get("vocab_size")
        if shape and said is not None and shape[0] != said:
            yield (
                f"vocab_size is {said}, the embedding has {shape[0]} rows; the embedding decides"
            )

    return remark


def rows_of(name: str) -> Count:
    """Return the dimension: as many as the tensor of this canonical name has rows."""

    def rows(facts: Facts) -> int:
        shape = facts.shape(name)
        return shape[0] if shape else 0

    return rows


def unless(*fields: str) -> Callable[[Facts], bool]:
    """Return for a row's `optional`: it may be missing unless the config switches it on.

    The first of `fields` that is present decides.
    """
    return lambda facts: not facts.get(*fields)


def where(field: str) -> Callable[[Facts], bool]:
    """Return for a row's `when`: it applies where the config switches it on."""
    return lambda facts: bool(facts.get(field))


def unannounced_biases(field: str, *patterns: str, alias: str = "") -> Check:
    """Return the remark on biases that are stored though the config switches them off.

    Args:
        field: the config's switch.
        patterns: what the biases are called (fnmatch on canonical names).
        alias: how remote code calls the switch.
    """

    def remark(facts: Facts) -> Iterable[str]:
        found = [n for n in facts.tensors if any(fnmatchcase(n, pattern) for pattern in patterns)]
        if found and not facts.get(*filter(None, (field, alias))):
            yield (
                f"{len(found)} biases are stored although {field} is not set; they are used here, "
                f"transformers leaves them out"
            )

    return remark


def full_attention_remark(facts: Facts, window: int) -> str:
    """Return the sentence on a sliding window that the runtime's graph does not have."""
    return (
        f"sliding_window is {window}: llama.cpp's graph attends to the whole context, so texts of "
        f"more than {window} tokens give other numbers than in transformers "
        f"(max_position_embeddings is {context(facts)})"
    )


def window(facts: Facts) -> int | None:
    """Return the sliding window if it is shorter than the context.

    Raises:
        ConfigError: it is no natural number.
    """
    if facts.get("sliding_window") is None:
        return None
    length = facts.integer("sliding_window")
    return length if length < context(facts) else None


def window_remark(facts: Facts) -> Iterable[str]:
    """Tell that some or all layers attend to a window only, which the runtime's graph lacks."""
    if (length := window(facts)) is not None:
        yield full_attention_remark(facts, length)
