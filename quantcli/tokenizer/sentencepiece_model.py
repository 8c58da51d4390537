"""Reads what a SentencePiece `.model` says beyond what its library tells.

The file is a protocol buffer (sentencepiece_model.proto): pieces (field 1), trainer options (2),
normalizer options (3). The library gives texts and scores; the pieces' exact types and the
normalizer's options are read here from the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantcli.errors import TokenizerError
from quantcli.inputs import VOCABULARY_LIMIT, boundary, read_input
from quantcli.tokenizer.vocabulary import TokenType

UNIGRAM = 1
BPE = 2
"""Values of the trainer's model_type."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_TIKTOKEN = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d+\r?\n?")


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """A SentencePiece model's vocabulary and options.

    Attributes:
        tokens: text by id.
        scores: score by id.
        types: type by id.
        model_type: `UNIGRAM`, `BPE` or another number of the format.
        add_dummy_prefix: a text is given a space in front.
        remove_extra_whitespaces: runs of spaces become one.
        charsmap: the normalizer's compiled table, empty when it has none.
        special: ids of the special pieces it has, by kind ("bos", "eos", "unk", "pad").
    """

    tokens: list[str]
    scores: list[float]
    types: list[int]
    model_type: int
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool
    charsmap: bytes
    special: dict[str, int]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field number and value of a protocol buffer message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in _FIXED:
            length = _FIXED[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(data):
            raise ValueError("cut off")
        yield number, data[at : at + length]
        at += length


def _options(message: int | bytes) -> dict[int, Any]:
    return dict(_fields(message)) if isinstance(message, bytes) else {}


def _types(pieces: list[bytes]) -> list[int]:
    # The format's own numbers; GGUF took them over: 1 NORMAL … 6 BYTE. An absent field is NORMAL.
    return [int(_options(piece).get(3, TokenType.NORMAL)) for piece in pieces]


def is_tiktoken(path: Path) -> bool:
    """Return whether a file lists tiktoken's ranks: lines of a base64 text and a number."""
    try:
        with path.open("rb") as file:
            line = file.readline(4096)
    except OSError:
        return False
    return bool(_TIKTOKEN.fullmatch(line))


def load(path: Path) -> SentencePieceModel:
    """Return the model in `path`.

    Raises:
        TokenizerError: the file is not a SentencePiece model.
    """
    from sentencepiece import SentencePieceProcessor

    data = read_input(path, limit=VOCABULARY_LIMIT, error=TokenizerError)
    with boundary(
        str(path),
        "not a SentencePiece model",
        error=TokenizerError,
        hint="The file is damaged: download it again.",
    ):
        processor = SentencePieceProcessor()
        processor.LoadFromSerializedProto(data)
        fields = list(_fields(data))
    ids = list(range(processor.GetPieceSize()))
    scores = [float(score) for score in processor.GetScore(ids)]
    if not all(map(math.isfinite, scores)):
        raise TokenizerError("has scores that are no finite numbers", where=str(path))
    pieces = [value for number, value in fields if number == 1 and isinstance(value, bytes)]
    trainer = _options(next((v for n, v in fields if n == 2), b""))
    normalizer = _options(next((v for n, v in fields if n == 3), b""))
    special = {
        "bos": processor.bos_id(),
        "eos": processor.eos_id(),
        "unk": processor.unk_id(),
        "pad": processor.pad_id(),
    }
    return SentencePieceModel(
        tokens=list(processor.IdToPiece(ids)),
        scores=scores,
        types=_types(pieces),
        model_type=int(trainer.get(3, UNIGRAM)),
        add_dummy_prefix=bool(normalizer.get(3, True)),
        remove_extra_whitespaces=bool(normalizer.get(4, True)),
        charsmap=bytes(normalizer.get(2, b"")),
        special={kind: i for kind, i in special.items() if i >= 0},
    )
