"""Files that are damaged or made to harm: one ContainerError that says where, and nothing else."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quantcli.container.header import build_header
from quantcli.container.reader import GgufFile, Metadata
from quantcli.errors import ContainerError

ENTRIES = (
    Metadata("general.architecture", "string", "llama"),
    Metadata("count", "uint32", 7),
    Metadata("tokens", "array:string", ("a", "bc", "def")),
    Metadata("types", "array:int32", (1, 2, 3)),
    Metadata("flag", "bool", True),
)
TENSORS = (("embd", (4, 32), 8, 4 * 34), ("norm", (5,), 0, 20), ("last", (2, 3), 30, 12))
HEADER = build_header(ENTRIES, TENSORS)
GOOD = HEADER.data.ljust(HEADER.size, b"\x11")
ALLOWED_PEAK = 4 << 20


def string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def head(tensors: int, entries: int, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries)


def info(name: bytes, dims: list[int], kind: int = 0, offset: int = 0) -> bytes:
    return (
        string(name)
        + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
        + struct.pack("<IQ", kind, offset)
    )


def u32_entry(key: bytes, value: int = 1, kind: int = 4) -> bytes:
    return string(key) + struct.pack("<II", kind, value)


def read(path: Path, data: bytes) -> GgufFile:
    path.write_bytes(data)
    return GgufFile(path)


CASES = {
    "empty": (b"", "empty"),
    "magic": (b"GGML" + GOOD[4:], "starts with b'GGML'"),
    "version 0": (head(0, 0, 0), "version 0"),
    "version 1": (head(0, 0, 1), "version 1"),
    "version 4": (head(0, 0, 4), "version 4"),
    "big-endian": (head(0, 0, 3 << 24), "big-endian"),
    "no counts": (GOOD[:10], "are needed"),
    "tensor count": (head(2**62, 0), "do not fit"),
    "negative tensor count": (head(2**64 - 1, 0), "do not fit"),
    "entry count": (head(0, 2**62), "do not fit"),
    "key length": (head(0, 1) + struct.pack("<Q", 2**63) + b"x" * 9, "metadata entry 0: a string"),
    "key beyond the end": (head(0, 1) + struct.pack("<Q", 99) + b"x" * 9, "99 bytes are needed"),
    "empty key": (head(0, 1) + u32_entry(b""), "key is empty"),
    "key not text": (head(0, 1) + u32_entry(b"\xff\xfe"), "UTF-8"),
    "key twice": (head(0, 2) + u32_entry(b"k") + u32_entry(b"k"), "key k: the key is there twice"),
    "value type": (head(0, 1) + u32_entry(b"k", 1, 13), "key k: there is no value type number 13"),
    "bool": (head(0, 1) + string(b"k") + struct.pack("<IB", 7, 2), "neither 0 nor 1"),
    "array of arrays": (
        head(0, 1) + string(b"k") + struct.pack("<IIQ", 9, 9, 1) + b"\0" * 12,
        "array of arrays",
    ),
    "array too long": (
        head(0, 1) + string(b"k") + struct.pack("<IIQ", 9, 0, 2**31),
        "key k: an array of 2147483648",
    ),
    "array beyond the end": (
        head(0, 1) + string(b"k") + struct.pack("<IIQ", 9, 5, 2**20) + b"\0" * 64,
        "4194304 bytes are needed",
    ),
    "strings beyond the end": (
        head(0, 1) + string(b"k") + struct.pack("<IIQ", 9, 8, 2**20) + b"\0" * 64,
        "do not fit the rest",
    ),
    "alignment 0": (head(0, 1) + u32_entry(b"general.alignment", 0), "power of two"),
    "alignment 24": (head(0, 1) + u32_entry(b"general.alignment", 24), "power of two"),
    "alignment type": (head(0, 1) + u32_entry(b"general.alignment", 32, 5), "power of two"),
    "name of 64 bytes": (head(1, 0) + info(b"n" * 64, [1]) + b"\0" * 64, "longer than 63"),
    "tensor twice": (
        head(2, 0) + info(b"t", [8]) + info(b"t", [8], 0, 32) + b"\0" * 128,
        "tensor t: the name is there twice",
    ),
    "five dimensions": (head(1, 0) + info(b"t", [1] * 5) + b"\0" * 64, "5 dimensions"),
    "dimension 0": (head(1, 0) + info(b"t", [0]) + b"\0" * 64, "not a possible shape"),
    "negative dimension": (head(1, 0) + info(b"t", [2**64 - 1]) + b"\0" * 64, "possible shape"),
    "overflow": (head(1, 0) + info(b"t", [2**32, 2**32]) + b"\0" * 64, "not a possible shape"),
    "removed type": (head(1, 0) + info(b"t", [32], 4) + b"\0" * 64, "type number 4"),
    "type 43": (head(1, 0) + info(b"t", [32], 43) + b"\0" * 64, "type number 43"),
    "half a block": (head(1, 0) + info(b"t", [48], 8) + b"\0" * 64, "whole blocks of 32"),
    "first offset": (head(1, 0) + info(b"t", [8], 0, 32) + b"\0" * 128, "offset 32, not at 0"),
    "shared data": (
        head(2, 0) + info(b"a", [8]) + info(b"b", [8], 0, 0) + b"\0" * 128,
        "tensor b: its data is at offset 0, not at 32",
    ),
    "gap": (
        head(2, 0) + info(b"a", [8]) + info(b"b", [8], 0, 64) + b"\0" * 128,
        "tensor b: its data is at offset 64, not at 32",
    ),
    "truncated data": (GOOD[: HEADER.offsets[-1] + 11], "tensor last: its data ends at byte"),
    "no data": (head(1, 0) + info(b"t", [2**40]), "tensor t: its data ends at byte"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_rejected_with_the_place(tmp_path: Path, case: str) -> None:
    data, message = CASES[case]
    with pytest.raises(ContainerError, match=message) as caught:
        read(tmp_path / "bad.gguf", data)
    assert "bad.gguf" in str(caught.value)
    assert caught.value.exit_code == 3


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match="No such file"):
        GgufFile(tmp_path / "no.gguf")
    with pytest.raises(ContainerError, match="cannot be read"):
        GgufFile(tmp_path)


def test_version_2_and_missing_final_padding_are_accepted(tmp_path: Path) -> None:
    data = b"GGUF" + struct.pack("<I", 2) + GOOD[8:]
    file = read(tmp_path / "v2.gguf", data[: HEADER.offsets[-1] + 12])
    assert (file.contents.version, file.data_end) == (2, file.size)


def attempt(path: Path, data: bytes) -> None:
    """Read `data`; anything but success or ContainerError, or much memory, fails."""
    message = str(path)
    tracemalloc.start()
    try:
        file = read(path, data)
        for tensor in file.tensors.values():
            assert file.rows_bytes(tensor.name, 0, tensor.rows).size == tensor.nbytes
    except ContainerError as error:
        message = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert str(path) in message
    assert peak < ALLOWED_PEAK


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "fuzz.gguf"


def test_every_truncation(scratch: Path) -> None:
    for length in range(len(GOOD)):
        attempt(scratch, GOOD[:length])


def test_every_byte_set_to_extremes(scratch: Path) -> None:
    for position in range(len(HEADER.data)):
        for value in (0x00, 0x7F, 0x80, 0xFF):
            attempt(scratch, GOOD[:position] + bytes([value]) + GOOD[position + 1 :])


@settings(max_examples=300, deadline=None)
@given(
    flips=st.lists(
        st.tuples(st.integers(0, len(HEADER.data) - 1), st.binary(min_size=1, max_size=9)),
        min_size=1,
        max_size=6,
    )
)
def test_random_damage(scratch: Path, flips: list[tuple[int, bytes]]) -> None:
    data = bytearray(GOOD)
    for position, value in flips:
        data[position : position + len(value)] = value
    attempt(scratch, bytes(data))


@settings(max_examples=200, deadline=None)
@given(tail=st.binary(max_size=400), tensors=st.integers(0, 3), entries=st.integers(0, 3))
@example(tail=b"", tensors=0, entries=0)
def test_random_content(scratch: Path, tail: bytes, tensors: int, entries: int) -> None:
    attempt(scratch, head(tensors, entries) + tail)
