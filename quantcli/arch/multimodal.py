"""The text part of a checkpoint that also sees or hears: which tensors are left out, how named.

A GGUF file of a language model holds the text model alone; llama.cpp takes the other parts from a
projector file of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from quantcli.arch.grouping import grouped
from quantcli.checkpoint.source import TensorRef

# Parts of names that say no more than that the text model is one part of several.
_WRAPPERS = {"language_model", "text_model", "thinker", "llm"}
_OTHER = re.compile(
    r"(^|\.)[^.]*(vision|visual|audio|image|projector|resampler|vpm|merger|talker|token2wav|"
    r"code2wav|sound_|speech_|siglip|connector|conformer|patch_embed|view_seperator|vqmodel|"
    r"aligner|generation_head|generation_embeddings)|"
    r"^(vit|mlp1|mlp|apm|tts)\."
)
_SIGNS = re.compile(r"^(text|llm|lm|language|thinker|vision|audio|visual|speech|sound)_config$")


@dataclass(frozen=True, slots=True)
class TextPart:
    """What of a checkpoint the output is made of.

    Attributes:
        names: name without the wrappers of a model of several parts → name in the checkpoint.
        left_out: names of the tensors of other parts.
    """

    names: Mapping[str, str]
    left_out: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a user should know of it."""
        if not self.left_out:
            return ()
        parts = ", ".join(grouped(sorted({_part(name) for name in self.left_out})))
        count = f"{len(self.left_out)} tensors of other parts are left out"
        return (f"only the text model is converted; {count}: {parts}",)


def text_part(
    config: Mapping[str, Any], refs: Mapping[str, TensorRef], kept: tuple[str, ...] = ()
) -> TextPart:
    """Return the text model's tensors of a checkpoint; all of them where it has but one part.

    Args:
        config: config.json, whose nested configs tell whether there are several parts.
        refs: the checkpoint's tensors by name.
        kept: patterns (fnmatch) of names that are the text model's although they sound otherwise.
    """
    if not any(_SIGNS.match(key) and isinstance(value, dict) for key, value in config.items()):
        return TextPart({name: name for name in refs}, ())
    names: dict[str, str] = {}
    left_out = []
    for name in refs:
        if _OTHER.search(name) and not any(fnmatchcase(name, pattern) for pattern in kept):
            left_out.append(name)
            continue
        bare = ".".join(part for part in name.split(".") if part not in _WRAPPERS)
        # Two that become one are reported under the names that they have.
        names[name if bare in names else bare] = name
    return TextPart(names, tuple(left_out))


def _part(name: str) -> str:
    """Return a name up to the part that says what it belongs to."""
    found = _OTHER.search(name)
    end = name.find(".", found.end()) if found else -1
    return name if end < 0 else name[:end]
