"""Rotary embeddings of models that see: a pair of a head turns by time, height or width.

For text the three positions are the same, so only the counts must fit. transformers' models are in
`Qwen2VLRotaryEmbedding` (the pairs of each kind together, kinds repeated) and
`Qwen3VLTextRotaryEmbedding` (interleaved); llama.cpp's is ggml_rope_multi, which leaves pairs that
no section counts at the text's fourth position, 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from quantcli.arch.architecture import Check, Implements, Key
from quantcli.arch.facts import Facts
from quantcli.arch.rope import rotary_dim

_NAME = "{arch}.rope.dimension_sections"
Sections = tuple[int, int, int]
MROPE = "mrope"
"""The name of rope_type by which older configs say that there are sections."""


When = Callable[[Facts], bool]


def _always(facts: Facts) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class MultiRope:
    """How a family's graph turns heads by sections.

    Attributes:
        default: pairs by time, height and width that the class takes where the config is silent.
        interleaved: whether the kinds alternate from pair to pair.
    """

    default: Sections
    interleaved: bool = False

    def keys(self, keys: tuple[Key, ...], when: When = _always) -> tuple[Key, ...]:
        """Return a table's keys with that of the sections, which these graphs need, `when` so."""

        def sections(facts: Facts) -> tuple[int, ...] | None:
            if not when(facts):
                return None
            found = self._alternating(facts) if self.interleaved else self._given(facts)
            return None if found is None else (*found, 0)

        return tuple(replace(k, derive=sections) if k.name == _NAME else k for k in keys)

    @property
    def graph(self) -> Implements:
        """Return what the graph has of the order of the sections."""
        return Implements(
            "rope_scaling.mrope_interleaved",
            (self.interleaved, None),
            lambda facts: facts.rope("mrope_interleaved"),
        )

    def problems(self, facts: Facts) -> Iterable[str]:
        """Give sections that are no numbers of pairs, or not all of a head's pairs."""
        given, pairs = self._given(facts), rotary_dim(facts) // 2
        if given is None:
            yield f"mrope_section is {facts.rope('mrope_section')!r}, not three numbers of pairs"
        elif not self.interleaved and sum(given) != pairs:
            yield f"mrope_section {list(given)} does not add up to the {pairs} pairs of a head"

    def problems_when(self, when: When) -> Check:
        """Return the check for families of which only some models have sections."""
        return lambda facts: self.problems(facts) if when(facts) else ()

    def remark(self, facts: Facts) -> Iterable[str]:
        """Tell of pairs, the slowest of a head, that the runtime does not turn for text."""
        found, pairs = self._alternating(facts), rotary_dim(facts) // 2
        still = [i for i in range(pairs) if found is not None and i >= 3 * found[i % 3]]
        if self.interleaved and still:
            yield (
                f"mrope_section leaves {len(still)} of a head's {pairs} pairs (the first is number "
                f"{still[0]}) to time out of turn: transformers turns them, llama.cpp does not, so "
                f"long texts give slightly other numbers"
            )

    def _given(self, facts: Facts) -> Sections | None:
        """Return the config's pairs by time, height and width, None where they are no such."""
        given = facts.rope("mrope_section")
        if given is None:
            return self.default
        if not isinstance(given, list) or any(type(n) is not int or n < 0 for n in given):
            return None
        time, height, width, *rest = (*given, 0, 0, 0)
        return None if any(rest) else (time, height, width)

    def _alternating(self, facts: Facts) -> Sections | None:
        """Return the sections as far as a head's pairs go: time takes what the others leave.

        Pair i turns by height where i % 3 is 1, by width where it is 2, as often as they count.
        """
        given, pairs = self._given(facts), rotary_dim(facts) // 2
        if given is None:
            return None
        height, width = min(given[1], (pairs + 1) // 3), min(given[2], pairs // 3)
        return pairs - height - width, height, width


def _deepstack(facts: Facts) -> int:
    vision = facts.get("vision_config")
    layers = vision.get("deepstack_visual_indexes") if isinstance(vision, dict) else None
    return len(layers) if isinstance(layers, list) else 0


DEEPSTACK_KEY = Key("{arch}.n_deepstack_layers", "uint32", derive=_deepstack)
"""How many of the first layers a projector file adds features to."""
