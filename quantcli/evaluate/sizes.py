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
        self.architecture = architecture

    def get(self, name: str, layer: int = 0) -> Size | None:
        """Return the size called `name` ("width", "query", …) in block `layer`, if it is known."""
        return _NAMED[name](self, layer)

    def key(self, suffix: str, layer: int = 0) -> Size | None:
        """Return the number under {arch}.`suffix`, or its element of a block."""
        key = suffix if suffix.startswith("tokenizer.") else f"{self.architecture}.{suffix}"
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


_Named = Callable[[Sizes, int], Size | None]


def _from(suffix: str) -> _Named:
    return lambda sizes, layer: sizes.key(suffix, layer)


def _tokens(sizes: Sizes, layer: int) -> Size | None:
    # Without a tokenizer llama.cpp makes up as many tokens as this key says.
    return sizes.length(TOKENS) or sizes.key("vocab_size")


def _labels(sizes: Sizes, layer: int) -> Size | None:
    key = f"{sizes.architecture}.classifier.output_labels"
    return sizes.length(key) or Size(1, f"the number of outputs without {key}")


def _heads_kv(sizes: Sizes, layer: int) -> Size | None:
    return sizes.key("attention.head_count_kv", layer) or sizes.get("heads", layer)


def _head(part: str) -> _Named:
    """Return the length of one head's keys or values: said, or the width over the heads."""

    def head(sizes: Sizes, layer: int) -> Size | None:
        said = sizes.key(f"attention.{part}_length")
        width, heads = sizes.get("width"), sizes.get("heads")
        if said is not None or width is None or heads is None or heads.number < 1:
            return said
        text = f"{width.text} / {heads.text} ({width.number} / {heads.number})"
        return Size(width.number // heads.number, text)

    return head


def _product(count: str, length: str) -> _Named:
    def product(sizes: Sizes, layer: int) -> Size | None:
        first, second = sizes.get(count, layer), sizes.get(length, layer)
        if first is None or second is None:
            return None
        text = f"{first.text} × {length.replace('_', ' ')} length"
        return Size(first.number * second.number, f"{text} ({first.number} × {second.number})")

    return product


def _fused(sizes: Sizes, layer: int) -> Size | None:
    parts = [sizes.get(name, layer) for name in ("query", "key", "value")]
    numbers = [part.number for part in parts if part is not None]
    if len(numbers) < len(parts):
        return None
    return Size(sum(numbers), f"query, key and value ({' + '.join(map(str, numbers))})")


def _rotary(sizes: Sizes, layer: int) -> Size | None:
    return sizes.key("rope.dimension_count") or sizes.get("head")


def _half_rotary(sizes: Sizes, layer: int) -> Size | None:
    rotary = sizes.get("rotary")
    return None if rotary is None else Size(rotary.number // 2, f"half of {rotary.text}")


_NAMED: dict[str, _Named] = {
    "tokens": _tokens,
    "width": _from("embedding_length"),
    "blocks": _from("block_count"),
    "context": _from("context_length"),
    "inner": _from("feed_forward_length"),
    "experts": _from("expert_count"),
    "segments": _from("tokenizer.ggml.token_type_count"),
    "labels": _labels,
    "heads": _from("attention.head_count"),
    "heads_kv": _heads_kv,
    "head": _head("key"),
    "value_head": _head("value"),
    "query": _product("heads", "head"),
    "key": _product("heads_kv", "head"),
    "value": _product("heads_kv", "value_head"),
    "fused": _fused,
    "rotary": _rotary,
    "half_rotary": _half_rotary,
}
