"""Use case: what does a GGUF file hold?"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from quantcli.container.reader import GgufFile, Metadata, Tensor

_TOKENIZER = "tokenizer."
_SPECIAL = "_token_id"


@dataclass(frozen=True, slots=True)
class TokenizerSummary:
    """A file's tokenizer.

    Attributes:
        model: kind ("gpt2", "llama", "bert", …).
        pre: pre-tokenizer, or None.
        size: number of tokens.
        merges: number of merges.
        special: role ("bos", "eos", …) → (id, text of the token or None).
        chat_template: length of the chat template in characters, or None without one.
    """

    model: str
    pre: str | None
    size: int
    merges: int
    special: dict[str, tuple[int, str | None]]
    chat_template: int | None


@dataclass(frozen=True, slots=True)
class TypeSummary:
    """All tensors of one type: how many, their weights and their bytes without padding."""

    type: str
    tensors: int
    weights: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """One tensor: shape outermost dimension first, absolute offset, bytes without padding."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a GGUF file holds.

    Attributes:
        path: the file.
        size: its bytes.
        version: of the format.
        alignment: of tensor data, in bytes.
        data_start: offset of the tensor data.
        architecture, name: general.architecture and general.name, or None.
        weights: number of weights over all tensors.
        bits_per_weight: bits of tensor data per weight.
        metadata: (key, type, value) in file order; of an array the first elements only.
        lengths: key → number of elements, for the arrays of the metadata.
        tokenizer: the tokenizer, or None without one.
        types: tensors by type, most bytes first.
        tensors: all tensors in file order.
    """

    path: str
    size: int
    version: int
    alignment: int
    data_start: int
    architecture: str | None
    name: str | None
    weights: int
    bits_per_weight: float
    metadata: tuple[tuple[str, str, object], ...]
    lengths: dict[str, int]
    tokenizer: TokenizerSummary | None
    types: tuple[TypeSummary, ...]
    tensors: tuple[TensorSummary, ...]

    def to_json(self) -> str:
        """Return the fields as one JSON object."""
        return json.dumps(asdict(self), sort_keys=True)


ARRAY_SHOWN = 8
"""Elements of a metadata array that an Inspection holds."""


def inspect(path: str | Path) -> Inspection:
    """Return what the GGUF file at `path` holds; no tensor data is read.

    Raises:
        ContainerError: not readable, or not a GGUF file that readers accept.
    """
    file = GgufFile(Path(path))
    tensors = tuple(file.tensors.values())
    weights = sum(tensor.weights for tensor in tensors)
    nbytes = sum(tensor.nbytes for tensor in tensors)
    entries = file.entries
    return Inspection(
        path=str(path),
        size=file.size,
        version=file.contents.version,
        alignment=file.contents.alignment,
        data_start=file.contents.data_start,
        architecture=_string(file, "general.architecture"),
        name=_string(file, "general.name"),
        weights=weights,
        bits_per_weight=8 * nbytes / max(1, weights),
        metadata=tuple((key, entry.type, _head(entry)) for key, entry in entries.items()),
        lengths={k: len(e.value) for k, e in entries.items() if isinstance(e.value, tuple)},
        tokenizer=_tokenizer(file),
        types=_types(tensors),
        tensors=tuple(
            TensorSummary(t.name, t.shape, t.type.name, t.offset, t.nbytes) for t in tensors
        ),
    )


def _string(file: GgufFile, key: str) -> str | None:
    value = file.value(key)
    return value if isinstance(value, str) else None


def _head(entry: Metadata) -> object:
    return entry.value[:ARRAY_SHOWN] if isinstance(entry.value, tuple) else entry.value


def _tokenizer(file: GgufFile) -> TokenizerSummary | None:
    model = _string(file, "tokenizer.ggml.model")
    if model is None:
        return None
    tokens, merges = file.value("tokenizer.ggml.tokens"), file.value("tokenizer.ggml.merges")
    texts = tokens if isinstance(tokens, tuple) else ()
    special: dict[str, tuple[int, str | None]] = {}
    for key, entry in file.entries.items():
        if key.startswith(_TOKENIZER) and key.endswith(_SPECIAL) and isinstance(entry.value, int):
            role = key.rpartition(".")[2].removesuffix(_SPECIAL)
            known = 0 <= entry.value < len(texts)
            special[role] = (entry.value, str(texts[entry.value]) if known else None)
    template = _string(file, "tokenizer.chat_template")
    return TokenizerSummary(
        model=model,
        pre=_string(file, "tokenizer.ggml.pre"),
        size=len(texts),
        merges=len(merges) if isinstance(merges, tuple) else 0,
        special=special,
        chat_template=None if template is None else len(template),
    )


def _types(tensors: tuple[Tensor, ...]) -> tuple[TypeSummary, ...]:
    summaries = []
    for name in {tensor.type.name for tensor in tensors}:
        same = [tensor for tensor in tensors if tensor.type.name == name]
        summaries.append(
            TypeSummary(name, len(same), sum(t.weights for t in same), sum(t.nbytes for t in same))
        )
    return tuple(sorted(summaries, key=lambda summary: (-summary.nbytes, summary.type)))
