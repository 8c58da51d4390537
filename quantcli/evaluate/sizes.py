"""The sizes that a file's keys imply, with llama.cpp's defaults for keys that are not there.

Source: `llama_model_base::load_hparams` of llama.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quantcli.container.reader import Metadata

TOKENS = "tokenizer.ggml.tokens"


@dataclass(frozen=True, slots=True)
class Size:
    """A number and the keys that it comes from.

    Attributes:
        number: the size.
        text: what gives it: "llama.attention.head_count × llama.attention.key_length (4 × 24)".
    """

    number: int
    text: str


class Sizes:
    """Sizes by name, read from metadata.

    A name that the keys say nothing about has none: what must be there is not decided here.

    Args:
        entries: metadata of the file.
        architecture: value of general.architecture.
    """

    def __init__(self, entries: Mapping[str, Metadata], architecture: str) -> None:
        self._entries = entries
        self._architecture = architecture

    def get(self, name: str, layer: int = 0) -> Size | None:
        """Return the size called `name` ("width", "query", …) in block `layer`, if it is known."""
        return _NAMED[name](self, layer)

    def key(self, suffix: str, layer: int = 0) -> Size | None:
        """Return the number under {arch}.`suffix`, or its element of a block."""
        key = suffix if suffix.startswith("tokenizer.") else f"{self._architecture}.{suffix}"
        entry = self._entries.get(key)
        value = None if entry is None else entry.value
        if isinstance(value, tuple):
            key, value = f"{key}[{layer}]", value[layer] if layer < len(value) else None
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        return Size(value, key)

    def length(self, key: str) -> Size | None:
        """Return the number of elements of the array under `key`."""
        entry = self._entries.get(key)
        if entry is None or not isinstance(entry.value, tuple):
            return None
        return Size(len(entry.value), f"the length of {key}")

    def is_layered(self, suffix: str) -> bool:
        """Return whether {arch}.`suffix` is an array of one number a block."""
        entry = self._entries.get(f"{self._architecture}.{suffix}")
        return entry is not None and isinstance(entry.value, tuple)

    def _tokens(self, layer: int) -> Size | None:
        # Without a tokenizer llama.cpp makes up as many tokens as this key says.
        return self.length(TOKENS) or self.key("vocab_size")

    def _labels(self, layer: int) -> Size | None:
        return self.length(f"{self._architecture}.classifier.output_labels") or Size(
            1, "the number of outputs without classifier.output_labels"
        )

    def _heads(self, layer: int) -> Size | None:
        return self.key("attention.head_count", layer)

    def _heads_kv(self, layer: int) -> Size | None:
        return self.key("attention.head_count_kv", layer) or self._heads(layer)

    def _head(self, part: str) -> Size | None:
        said = self.key(f"attention.{part}_length")
        width, heads = self.key("embedding_length"), self._heads(0)
        if said is not None or width is None or heads is None or heads.number < 1:
            return said
        text = f"{width.text} / {heads.text} ({width.number} / {heads.number})"
        return Size(width.number // heads.number, text)

    def _rotary(self, layer: int) -> Size | None:
        return self.key("rope.dimension_count") or self._head("key")

    def _half_rotary(self, layer: int) -> Size | None:
        rotary = self._rotary(layer)
        return None if rotary is None else Size(rotary.number // 2, f"half of {rotary.text}")

    def _fused(self, layer: int) -> Size | None:
        parts = [self.get(name, layer) for name in ("query", "key", "value")]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        numbers = " + ".join(str(part.number) for part in known)
        return Size(sum(part.number for part in known), f"query, key and value length ({numbers})")


_Named = Callable[[Sizes, int], Size | None]


def _from(suffix: str) -> _Named:
    return lambda sizes, layer: sizes.key(suffix, layer)


def _product(count: _Named, length: str) -> _Named:
    def product(sizes: Sizes, layer: int) -> Size | None:
        first, second = count(sizes, layer), _NAMED[length](sizes, layer)
        if first is None or second is None:
            return None
        numbers = f"({first.number} × {second.number})"
        name = second.text if second.text.endswith("_length") else f"({second.text})"
        return Size(first.number * second.number, f"{first.text} × {name} {numbers}")

    return product


_NAMED: dict[str, _Named] = {
    "tokens": Sizes._tokens,
    "width": _from("embedding_length"),
    "blocks": _from("block_count"),
    "context": _from("context_length"),
    "inner": _from("feed_forward_length"),
    "experts": _from("expert_count"),
    "segments": _from("tokenizer.ggml.token_type_count"),
    "labels": Sizes._labels,
    "heads": Sizes._heads,
    "heads_kv": Sizes._heads_kv,
    "head": lambda sizes, layer: sizes._head("key"),
    "value_head": lambda sizes, layer: sizes._head("value"),
    "query": _product(Sizes._heads, "head"),
    "key": _product(Sizes._heads_kv, "head"),
    "value": _product(Sizes._heads_kv, "value_head"),
    "fused": Sizes._fused,
    "rotary": Sizes._rotary,
    "half_rotary": Sizes._half_rotary,
}
