"""The types that presets are written in, and the rows that several of them share.

A recipe is a default type and an ordered list of rules; the first rule whose conditions all hold
gives a tensor's type. The rules restate what llama-quantize chooses for each file type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Categories of tensors, told by substrings of the name (see `quantcli.recipe.tensors`).
HEAD = "head"  # output.weight, or the token embedding when there is none
EMBEDDING = "embedding"  # a token embedding beside an output.weight of its own
QKV = "qkv"
KV_B = "kv_b"
V = "v"
K = "k"
Q = "q"
ATTENTION_OUTPUT = "attention_output"
UP = "up"
GATE = "gate"
DOWN = "down"
OTHER = "other"

V_LIKE = (V, QKV, KV_B)

# Size classes of models that a rule may ask for.
CLASS_70B = "70B"


def more_bits(index: int, count: int) -> bool:
    """Whether layer `index` of `count` is in the first or last eighth, or every third between."""
    first, last = count // 8, 7 * count // 8
    return index < first or index >= last or (index - first) % 3 == 2


# Positions in the model that a rule may ask for: (index, count) → bool.
POSITIONS: dict[str, Callable[[int, int], bool]] = {
    "first 2": lambda index, _: index < 2,
    "first 4": lambda index, _: index < 4,
    "first eighth": lambda index, count: index < count // 8,
    "first sixteenth": lambda index, count: index < count // 16,
    "middle": lambda index, count: count // 8 <= index < 7 * count // 8,
    "more bits": more_bits,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a recipe: the type, and the conditions that must all hold.

    Attributes:
        type: codec name.
        categories: the tensor is of one of these; empty for any.
        position: key of POSITIONS. It judges the running number among the V-like tensors and their
            count, or for UP, GATE and DOWN the layer and the number of layers.
        by_counter: UP, GATE and DOWN use the running number in models with experts, too.
        arch: only this architecture.
        not_arch: any but this architecture.
        size: the model's size class.
        experts: exactly so many experts.
        min_experts: at least so many experts.
        min_gqa: at least so many query heads share a key head.
        importance: an importance matrix is given (True) or not (False); None for either.
        stacked: the tensor has three dimensions (True) or two (False); None for either.
        misfit: True: the columns are not a multiple of the default type's block.
    """

    type: str
    categories: tuple[str, ...] = ()
    position: str | None = None
    by_counter: bool = False
    arch: str | None = None
    not_arch: str | None = None
    size: str | None = None
    experts: int | None = None
    min_experts: int | None = None
    min_gqa: int | None = None
    importance: bool | None = None
    stacked: bool | None = None
    misfit: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """A preset.

    Attributes:
        name: canonical name, "Q4_K_M".
        file_type: value of general.file_type.
        type: codec name of every tensor that no rule speaks of.
        rules: the first that holds decides.
        aliases: other names for it.
        mixture: False: `type` goes to every tensor that the converter does not write as F32,
            without rules and shape fallbacks.
    """

    name: str
    file_type: int
    type: str
    rules: tuple[Rule, ...] = ()
    aliases: tuple[str, ...] = ()
    mixture: bool = True


# The output matrix decides the next token directly, so it gets more bits than the rest.
OUTPUT = (
    Rule("Q8_0", (HEAD,), arch="falcon"),
    Rule("Q8_0", (HEAD,), misfit=True),
    Rule("Q6_K", (HEAD,)),
)

# The same for presets of about three bits and fewer.
OUTPUT_5_BITS = (*OUTPUT[:2], Rule("Q5_K", (HEAD,)))

# With eight experts the attention is a small part of the file.
EIGHT_EXPERTS = (
    Rule("Q8_0", V_LIKE, experts=8),
    Rule("Q8_0", (K,), experts=8),
)

# In models of the 70B class eight heads share a value head: its matrix is small.
LARGE_VALUES = (Rule("Q5_K", V_LIKE, size=CLASS_70B),)

# At about two bits the values of grouped heads, or beside many experts, are a small part.
FEW_BITS_VALUES = (Rule("Q4_K", V_LIKE, min_gqa=4), Rule("Q4_K", V_LIKE, min_experts=4))
