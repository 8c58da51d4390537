"""Which type each tensor gets: the recipe's rules, then the shape fallback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quantcli import codec
from quantcli.arch.architecture import TensorSpec, Traits
from quantcli.recipe import rules
from quantcli.recipe.fallback import fallback, fits
from quantcli.recipe.rules import POSITIONS, Recipe, Rule
from quantcli.recipe.tensors import (
    block_number,
    category,
    dimensions,
    is_float32,
    is_quantized,
    processing_order,
)

# Number of layers of the 70B class; for llama only with grouped heads.
_70B_LAYERS = {"llama": 80, "qwen2": 80, "deci": 80, "olmo": 80, "jais2": 68}
# Types that are noise without an importance matrix, and where that is not asked for.
_STARVING = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS")
_EDGES = (rules.HEAD, rules.EMBEDDING)
_16_BIT = ("BF16", "F16")


@dataclass(frozen=True, slots=True)
class Assignment:
    """The type of one tensor.

    Attributes:
        type: codec name.
        fallback: why it is not the recipe's choice, for people to read; None when it is.
        wanted: the recipe's choice where it is another type, else None.
    """

    type: str
    fallback: str | None
    wanted: str | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What rules judge one tensor by."""

    category: str
    index: int
    counter: int
    count: int
    columns: int
    stacked: bool


def assign(
    recipe: Recipe,
    traits: Traits,
    specs: Sequence[TensorSpec],
    source_dtypes: Mapping[str, str] | None = None,
    *,
    importance: bool = False,
) -> tuple[Assignment, ...]:
    """Return a type for every tensor, in the order of `specs`, as llama-quantize chooses it.

    Args:
        recipe: the preset.
        traits: the model's facts.
        specs: all tensors of the file; the choice for one depends on how many there are of a kind.
        source_dtypes: dtype (safetensors spelling) by checkpoint tensor name. Matrices that are
            never quantized keep the checkpoint's 16-bit type: that of the first matrix that has
            one, else F16.
        importance: whether an importance matrix is given.
    """
    if not recipe.mixture:
        return tuple(
            Assignment("F32" if is_float32(s.name, s.shape) else recipe.type, None) for s in specs
        )
    kept = _kept_type(specs, source_dtypes or {})
    facts = _facts(traits, specs)
    result = []
    for spec in specs:
        if spec.name in facts:
            result.append(_choose(recipe, traits, facts[spec.name], importance=importance))
        else:
            kind = "F32" if is_float32(spec.name, spec.shape) else kept
            result.append(Assignment(kind, None))
    return tuple(result)


def starving(
    recipe: Recipe, specs: Sequence[TensorSpec], assignments: Sequence[Assignment]
) -> tuple[str, ...]:
    """Return the tensors whose type makes no sense without an importance matrix, in file order.

    Embeddings and the output matrix, which a matrix rarely covers, never count.
    """
    kinds = {*_STARVING, *(("Q2_K",) if recipe.name == "Q2_K_S" else ())}
    return tuple(
        spec.name
        for spec, assignment in zip(specs, assignments, strict=True)
        if assignment.type in kinds and category(spec.name, tied=False) not in _EDGES
    )


def _kept_type(specs: Sequence[TensorSpec], source_dtypes: Mapping[str, str]) -> str:
    """The type the converter's `auto` takes: the first 16-bit type among the matrices."""
    for spec in specs:
        for source in spec.sources:
            if len(spec.shape) >= 2 and source_dtypes.get(source) in _16_BIT:
                return source_dtypes[source]
    return "F16"


def _facts(traits: Traits, specs: Sequence[TensorSpec]) -> dict[str, _Facts]:
    """Category and position of every quantized tensor, by name."""
    tied = all(spec.name != "output.weight" for spec in specs)
    values = sum(category(spec.name, tied=tied) in rules.V_LIKE for spec in specs)
    seen: Counter[str] = Counter()
    facts = {}
    for spec in sorted(specs, key=lambda spec: processing_order(spec.name)):
        if not is_quantized(spec.name, spec.shape):
            continue
        kind = category(spec.name, tied=tied)
        # The V-like tensors are counted together.
        counted = rules.V if kind in rules.V_LIKE else kind
        counter = seen[counted]
        seen[counted] += 1
        layer = block_number(spec.name)
        # Several expert matrices a layer would outrun the counter, so there the name tells.
        by_name = traits.experts > 1 and layer is not None and counted != rules.V
        facts[spec.name] = _Facts(
            category=kind,
            index=layer if by_name and layer is not None else counter,
            counter=counter,
            count=values if counted == rules.V else traits.layers,
            columns=spec.shape[-1],
            stacked=dimensions(spec.shape) >= 3,
        )
    return facts


def _choose(recipe: Recipe, traits: Traits, facts: _Facts, *, importance: bool) -> Assignment:
    """The first rule that holds, then the shape fallback; the reason names what it replaces."""
    held = [rule for rule in recipe.rules if _holds(rule, traits, facts, importance=importance)]
    wanted = next((rule.type for rule in held if not rule.misfit), recipe.type)
    misfit = not fits(recipe.type, facts.columns)
    chosen = next((rule.type for rule in held if misfit or not rule.misfit), recipe.type)
    final = fallback(chosen, facts.columns)
    if final == wanted:
        return Assignment(final, None)
    block = codec.get(wanted).block
    reason = f"rows of {facts.columns} are no multiple of {block}"
    return Assignment(final, reason, wanted)


def _holds(rule: Rule, traits: Traits, facts: _Facts, *, importance: bool) -> bool:
    """Whether all conditions of the rule hold, `misfit` aside."""
    grouped = traits.heads // traits.heads_kv if traits.heads_kv else 0
    conditions = (
        not rule.categories or facts.category in rule.categories,
        rule.arch in (None, traits.arch),
        rule.not_arch != traits.arch,
        rule.size is None or rule.size == _size(traits),
        rule.experts in (None, traits.experts),
        rule.min_experts is None or traits.experts >= rule.min_experts,
        rule.min_gqa is None or grouped >= rule.min_gqa,
        rule.importance in (None, importance),
        rule.stacked in (None, facts.stacked),
    )
    return all(conditions) and _is_at(rule, facts)


def _is_at(rule: Rule, facts: _Facts) -> bool:
    if rule.position is None:
        return True
    index = facts.counter if rule.by_counter else facts.index
    return POSITIONS[rule.position](index, facts.count)


def _size(traits: Traits) -> str | None:
    """The size class; only 70B matters to any preset."""
    if traits.layers != _70B_LAYERS.get(traits.arch):
        return None
    if traits.arch == "llama" and traits.heads == traits.heads_kv:
        return None
    return rules.CLASS_70B
