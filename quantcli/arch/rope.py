"""Rotary embeddings: their metadata keys, their factor tensors, and which kinds a graph has.

How transformers reads the parameters is its `modeling_rope_utils`; what llama.cpp makes of the keys
is its context's constructor: a YaRN model's cosines and sines are multiplied by 1 + ln(factor)/10
times `rope.scaling.attn_factor`, any other model's by `rope.scaling.attn_factor` alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from quantcli.arch.architecture import Arg, Implements, Key, Row, Value
from quantcli.arch.facts import Facts, is_number
from quantcli.arch.keys import MOST_POSITIONS, context, head_dim
from quantcli.errors import ConfigError

_LONGROPE = ("longrope", "su")
_PLAIN = ("", "default")
# The kinds that need nothing but keys: every rotary graph of llama.cpp has them.
KINDS = (*_PLAIN, "linear", "yarn")
# Those that need a tensor of factors, which only some graphs load.
LLAMA3 = "llama3"
LONGROPE = _LONGROPE


def rope_type(facts: Facts) -> str:
    """Return the kind of rotary scaling in lower case, "" for none."""
    return str(facts.rope("rope_type") or "").lower()


def _scaling_type(facts: Facts) -> Value | None:
    kind = rope_type(facts)
    if kind in _LONGROPE:
        return "longrope"
    return kind if kind in ("linear", "yarn") else None


def _is(facts: Facts, *kinds: str) -> bool:
    return rope_type(facts) in kinds


def original_context(facts: Facts) -> int | float:
    """Return the context before rotary scaling; without a word about it, the model's context."""
    return facts.rope_number("original_max_position_embeddings") or context(facts)


def stretch(facts: Facts) -> int | float:
    """Return how many times the context was stretched.

    Said, or the context over the original one.

    Raises:
        ConfigError: linear scaling does not say it, or it is not above 0.
    """
    factor = facts.rope_number("factor")
    if factor is None and not _is(facts, "linear"):
        factor = context(facts) / original_context(facts)
    if factor is None:
        raise ConfigError(f"{facts.rope_scaling_name} has no factor")
    # The runtime computes in float32 with the factor and with its inverse.
    if not 2.0**-60 < factor < 2.0**60:
        raise ConfigError(f"{facts.rope_scaling_name}.factor is {factor}, not a stretch of context")
    return factor


def _scaling_factor(facts: Facts) -> Value | None:
    return stretch(facts) if _is(facts, "linear", "yarn") else None


def _original_context(facts: Facts) -> Value | None:
    if not _is(facts, "yarn", *_LONGROPE):
        return None
    # The beta factors' logarithms and the choice of factors need a whole positive number.
    original = original_context(facts)
    return int(original) if original == int(original) else original


def magnitude(factor: float, scale: float = 1.0) -> float:
    """Return YaRN's factor on cosines and sines for a stretch of `factor`."""
    return 1.0 if factor <= 1 else 0.1 * scale * math.log(factor) + 1.0


def yarn_magnitude(facts: Facts) -> float:
    """Return the factor on cosines and sines that transformers gives a YaRN model."""
    given, factor = facts.rope_number("attention_factor"), stretch(facts)
    if given is not None:
        return given
    scale, over = facts.rope_number("mscale"), facts.rope_number("mscale_all_dim")
    if scale and over:
        return magnitude(factor, scale) / magnitude(factor, over)
    return magnitude(factor)


def _attention_factor(facts: Facts, multiplier: float = 0.0) -> Value | None:
    """Return what the runtime must multiply its own factor on cosines and sines by, if not by 1.

    `multiplier` is the file's `yarn_log_multiplier`, whose magnitude the runtime divides by.
    """
    if not _is(facts, "yarn", *_LONGROPE):
        return None
    if _is(facts, "yarn"):
        own = magnitude(stretch(facts)) / magnitude(stretch(facts), multiplier)
        wanted = yarn_magnitude(facts)
    else:
        given, factor = facts.rope_number("attention_factor"), stretch(facts)
        own, original = 1.0, original_context(facts)
        stretched = factor > 1 and original > 1
        default = math.sqrt(1 + math.log(factor) / math.log(original)) if stretched else 1.0
        wanted = default if given is None else given
    return None if wanted == own else wanted / own


def _yarn(name: str, *fields: str) -> Key:
    return Key(
        f"{{arch}}.rope.scaling.{name}",
        "float32",
        derive=lambda facts: (facts.rope_number(*fields) or None) if _is(facts, "yarn") else None,
        above=0,
    )


def _sections(facts: Facts) -> Value | None:
    sections = facts.rope("mrope_section")
    if sections is None:
        return None
    if not isinstance(sections, list):
        raise ConfigError(f"rotary parameter mrope_section is {sections!r}, not a list")
    return tuple([*sections, 0, 0, 0, 0][:4])


def _theta(facts: Facts) -> Value | None:
    return facts.rope_number("rope_theta")


ROPE_KEYS: tuple[Key, ...] = (
    Key("{arch}.rope.scaling.type", "string", derive=_scaling_type),
    Key("{arch}.rope.scaling.factor", "float32", derive=_scaling_factor, above=0),
    Key(
        "{arch}.rope.scaling.original_context_length",
        "uint32",
        derive=_original_context,
        at_least=1,
        at_most=MOST_POSITIONS,
    ),
    Key("{arch}.rope.scaling.attn_factor", "float32", derive=_attention_factor, above=0),
    _yarn("yarn_ext_factor", "extrapolation_factor"),
    # The runtime computes this one anew; it is written because the converter writes it.
    _yarn("yarn_attn_factor", "attention_factor", "attn_factor"),
    _yarn("yarn_beta_fast", "beta_fast"),
    _yarn("yarn_beta_slow", "beta_slow"),
    Key("{arch}.rope.dimension_sections", "array:int32", derive=_sections),
    Key("{arch}.rope.freq_base", "float32", derive=_theta, above=0),
    Key("{arch}.rope.freq_base_swa", "float32", derive=lambda facts: facts.rope_local_theta),
)

# What the runtime takes for a model whose file says no base.
_BASE = 10000.0


def sparing(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return the keys, the rotary base left out where it is what the runtime takes without it."""
    return _with(
        keys,
        "rope.freq_base",
        lambda facts: None if _theta(facts) == _BASE else _theta(facts),
    )


def said_type(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return the keys, the one of the scaling saying "none" where nothing is scaled."""
    return _with(keys, "rope.scaling.type", lambda facts: _scaling_type(facts) or "none")


def _with(
    keys: Iterable[Key], name: str, derive: Callable[[Facts], Value | None]
) -> tuple[Key, ...]:
    full = f"{{arch}}.{name}"
    return tuple(replace(key, derive=derive) if key.name == full else key for key in keys)


def _log_multiplier(facts: Facts) -> float | None:
    """Return what YaRN's factor on cosines and sines is divided by the magnitude of."""
    return (facts.rope_number("mscale_all_dim") or None) if _is(facts, "yarn") else None


LOG_MULTIPLIER_KEYS: tuple[Key, Key] = (
    Key(
        "{arch}.rope.scaling.attn_factor",
        "float32",
        derive=lambda facts: _attention_factor(facts, _log_multiplier(facts) or 0.0),
        above=0,
    ),
    Key("{arch}.rope.scaling.yarn_log_multiplier", "float32", derive=_log_multiplier),
)
"""The factor on cosines and sines, and what divides it, where the runtime reads both."""


TEMPERATURE_KEY = Key(
    "{arch}.attention.temperature_scale",
    "float32",
    derive=lambda facts: facts.rope_number("llama_4_scaling_beta"),
)
"""How much queries grow with the logarithm of the position, counted in original contexts."""


def _of_yarn(facts: Facts, field: str) -> object:
    return facts.rope(field) if _is(facts, "yarn") else None


def rotary_dim(facts: Facts) -> int:
    """Return how many of a head's numbers are rotated: all, or the part that the config says."""
    part = facts.rope_number("partial_rotary_factor")
    return head_dim(facts) if part is None else int(head_dim(facts) * part)


ROTARY_KEY = Key("{arch}.rope.dimension_count", "uint32", derive=rotary_dim, at_least=1)
"""How many of a head's numbers are rotated, for tables whose runtime reads it."""


def rotary(
    *kinds: str, partial: bool = False, betas: bool = False, truncated: bool = True
) -> tuple[Implements, ...]:
    """Return what a graph that rotates heads has, with these kinds of scaling as well.

    Args:
        kinds: rotary scalings beside those that need nothing but keys.
        partial: whether a part of each head may be rotated; the table must write `ROTARY_KEY`.
        betas: whether the loader reads the ends of YaRN's ramp; the usual ones else.
        truncated: whether a YaRN whose ramp does not end at whole dimensions is refused.
    """
    truncate = (True, None) if truncated else (True, False, None)
    whole = (
        Implements(
            "rope_scaling.partial_rotary_factor",
            (1, None),
            lambda f: f.rope("partial_rotary_factor"),
        ),
    )
    ends = (
        Implements("rope_scaling.beta_fast", (32, 0, None), lambda f: _of_yarn(f, "beta_fast")),
        Implements("rope_scaling.beta_slow", (1, 0, None), lambda f: _of_yarn(f, "beta_slow")),
    )
    return (
        Implements(
            "rope_scaling.rope_type",
            (*KINDS, *kinds),
            rope_type,
            "A scaling that acts on texts beyond max_position_embeddings only (dynamic) can be "
            "taken out of config.json to convert the model for shorter ones.",
        ),
        *(() if partial else whole),
        *(() if betas else ends),
        # The runtime rounds the ends of YaRN's ramp to whole dimensions.
        Implements("rope_scaling.truncate", truncate, lambda f: _of_yarn(f, "truncate")),
    )


def local_rotary(*, base: bool = True) -> Implements:
    """Return the row for layers with a window that are rotated by more than a plain base.

    Args:
        base: whether the graph has another base there than in the other layers.
    """

    def other(facts: Facts) -> object:
        local = facts.rope_local
        plain = local.get("rope_type", "default") == "default"
        known = {"rope_theta", "rope_type"} >= local.keys()
        same = base or local.get("rope_theta") in (None, _theta(facts))
        return None if plain and known and same else dict(local)

    return Implements("rope_parameters.sliding_attention", (None,), other)


def rotary_problems(facts: Facts) -> Iterable[str]:
    """Give what makes heads that cannot be rotated, or a scaling that is no number."""
    if rotary_dim(facts) < 2 or rotary_dim(facts) % 2:
        yield f"heads of {rotary_dim(facts)} numbers cannot be rotated, the length must be even"
    theta = facts.rope_number("rope_theta")
    if _is(facts, "yarn") and theta is not None and theta <= 1:
        yield f"rope_theta is {theta}; YaRN takes its logarithm, which must be positive"


def longrope_remark(facts: Facts) -> Iterable[str]:
    """Tell when the runtime changes from short to long factors."""
    if _is(facts, *_LONGROPE):
        yield (
            f"longrope: llama.cpp takes the long factors as soon as its context (-c) exceeds "
            f"{original_context(facts):g} tokens, transformers as soon as the text does"
        )


def _number(*fields: str) -> Callable[[Facts], Arg]:
    def read(facts: Facts) -> Arg:
        value = facts.rope_number(*fields)
        if value is None:
            raise ConfigError(f"{facts.rope_scaling_name} has no {fields[0]}")
        return float(value)

    return read


def _factors(name: str) -> Callable[[Facts], tuple[Arg, ...]]:
    def read(facts: Facts) -> tuple[Arg, ...]:
        factors, length = facts.rope(name), rotary_dim(facts) // 2
        numbers = isinstance(factors, list) and all(is_number(n) and n > 0 for n in factors)
        if not numbers or len(factors) != length:
            raise ConfigError(
                f"{facts.rope_scaling_name}.{name} is not a list of {length} positive numbers, "
                f"one for each pair of a head"
            )
        return tuple(float(n) for n in factors)

    return read


# Tensors computed from the config: Llama 3's frequency factors, and longrope's.
LLAMA3_FACTORS: tuple[Row, ...] = (
    Row(
        "rope_freqs.weight",
        (),
        "rope_factors_llama3",
        (
            rotary_dim,
            lambda facts: float(facts.rope_number("rope_theta") or 10000.0),
            _number("factor"),
            _number("low_freq_factor"),
            _number("high_freq_factor"),
            lambda facts: float(original_context(facts)),
        ),
        when=lambda facts: rope_type(facts) == LLAMA3,
    ),
)
LONGROPE_FACTORS: tuple[Row, ...] = tuple(
    Row(
        f"rope_factors_{which}.weight",
        (),
        "constants",
        _factors(f"{which}_factor"),
        when=lambda facts: rope_type(facts) in _LONGROPE,
    )
    for which in ("long", "short")
)
ROPE_FACTORS: tuple[Row, ...] = (*LLAMA3_FACTORS, *LONGROPE_FACTORS)
