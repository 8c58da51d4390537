"""What is written can be read back, by this project's reader and by the gguf library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantcli.container.cursor import Cursor
from quantcli.container.header import TensorInfo, build_header
from quantcli.container.reader import GgufFile
from quantcli.errors import ContainerError


@dataclass(frozen=True)
class Item:
    key: str
    type: str
    value: object


ITEMS = (
    Item("general.architecture", "string", "llama"),
    Item("u8", "uint8", 255),
    Item("i8", "int8", -128),
    Item("u16", "uint16", 65535),
    Item("i16", "int16", -32768),
    Item("u32", "uint32", 2**32 - 1),
    Item("i32", "int32", -(2**31)),
    Item("u64", "uint64", 2**64 - 1),
    Item("i64", "int64", -(2**63)),
    Item("f32", "float32", 0.5),
    Item("f64", "float64", 0.1),
    Item("yes", "bool", True),
    Item("no", "bool", False),
    Item("empty", "string", ""),
    Item("tokens", "array:string", ("a", "", "ü", "\N{SNOWMAN}", "\n")),
    Item("scores", "array:float32", (0.0, -1.5)),
    Item("types", "array:int32", (1, -3)),
    Item("flags", "array:bool", (True, False)),
    Item("none", "array:uint32", ()),
)
TENSORS: tuple[TensorInfo, ...] = (
    ("token_embd.weight", (5, 256), 12, 5 * 144),
    ("norm", (3,), 0, 12),
    ("experts", (2, 3, 64), 8, 2 * 3 * 68),
    ("half", (7, 5), 1, 70),
)


def write(path: Path, items: tuple[Item, ...], tensors: tuple[TensorInfo, ...], **kw: int) -> bytes:
    header = build_header(items, tensors, **kw)
    data = bytearray(header.size)
    data[: len(header.data)] = header.data
    random = np.random.default_rng(1)
    for (_, _, _, nbytes), offset in zip(tensors, header.offsets, strict=True):
        data[offset : offset + nbytes] = random.bytes(nbytes)
    path.write_bytes(data)
    return bytes(data)


def test_round_trip(tmp_path: Path) -> None:
    data = write(tmp_path / "m.gguf", ITEMS, TENSORS)
    file = GgufFile(tmp_path / "m.gguf")
    assert [(e.key, e.type, e.value) for e in file.entries.values()] == [
        (item.key, item.type, item.value) for item in ITEMS
    ]
    assert [(t.name, t.shape, t.type.id, t.nbytes) for t in file.tensors.values()] == list(TENSORS)
    assert (file.contents.version, file.contents.alignment, file.size) == (3, 32, len(data))
    for name, shape, _, nbytes in TENSORS:
        tensor = file.tensors[name]
        rows = file.rows_bytes(name, 1, tensor.rows) if tensor.rows > 1 else None
        assert (
            file.rows_bytes(name, 0, tensor.rows).tobytes()
            == data[tensor.offset : tensor.offset + nbytes]
        )
        if rows is not None:
            assert rows.tobytes() == data[tensor.offset + tensor.row_bytes :][: rows.size]
        assert tensor.weights == np.prod(shape)


def test_the_gguf_library_reads_the_same(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf", ITEMS, TENSORS)
    file, oracle = GgufFile(tmp_path / "m.gguf"), gguf.GGUFReader(tmp_path / "m.gguf")
    for item in ITEMS:
        contents = oracle.fields[item.key].contents()
        assert contents == (list(item.value) if isinstance(item.value, tuple) else item.value)
    assert len(oracle.tensors) == len(file.tensors)
    for theirs, ours in zip(oracle.tensors, file.tensors.values(), strict=True):
        assert theirs.name == ours.name
        assert tuple(int(n) for n in reversed(theirs.shape)) == ours.shape
        assert (int(theirs.tensor_type), theirs.tensor_type.name) == (ours.type.id, ours.type.name)
        assert (theirs.data_offset, theirs.n_bytes) == (ours.offset, ours.nbytes)
        assert theirs.data.tobytes() == file.rows_bytes(ours.name, 0, ours.rows).tobytes()


def test_the_gguf_library_writes_the_same_bytes(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "theirs.gguf", "llama")
    writer.add_uint32("llama.block_count", 2)
    writer.add_float32("llama.eps", 1e-5)
    writer.add_bool("flag", val=True)
    writer.add_array("tokenizer.ggml.tokens", ["a", "é"])
    writer.add_array("tokenizer.ggml.scores", [0.0, 1.5])
    norm = np.arange(5, dtype=np.float32)
    matrix = np.arange(12, dtype=np.float16).reshape(3, 4)
    writer.add_tensor("norm", norm)
    writer.add_tensor("matrix", matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    items = (
        Item("general.architecture", "string", "llama"),
        Item("llama.block_count", "uint32", 2),
        Item("llama.eps", "float32", 1e-5),
        Item("flag", "bool", True),
        Item("tokenizer.ggml.tokens", "array:string", ("a", "é")),
        Item("tokenizer.ggml.scores", "array:float32", (0.0, 1.5)),
    )
    header = build_header(items, [("norm", (5,), 0, 20), ("matrix", (3, 4), 1, 24)])
    data = bytearray(header.data.ljust(header.size, b"\0"))
    for offset, array in zip(header.offsets, (norm, matrix), strict=True):
        data[offset : offset + array.nbytes] = array.tobytes()
    assert bytes(data) == (tmp_path / "theirs.gguf").read_bytes()


@pytest.mark.parametrize("alignment", [1, 8, 32, 4096])
def test_alignment(tmp_path: Path, alignment: int) -> None:
    write(tmp_path / "m.gguf", ITEMS, TENSORS, alignment=alignment)
    file = GgufFile(tmp_path / "m.gguf")
    assert file.contents.alignment == alignment
    assert all(tensor.offset % alignment == 0 for tensor in file.tensors.values())
    assert ("general.alignment" in file.entries) == (alignment != 32)


def test_every_tensor_type_of_the_library_has_its_size(tmp_path: Path) -> None:
    # Q8_1 never lies in files, and the library's size for it is outdated.
    sizes = {k: v for k, v in gguf.GGML_QUANT_SIZES.items() if k.name != "Q8_1"}
    tensors = tuple(
        (kind.name, (2, 256), kind.value, 512 // block * nbytes)
        for kind, (block, nbytes) in sizes.items()
    )
    write(tmp_path / "m.gguf", (), tensors)
    file = GgufFile(tmp_path / "m.gguf")
    assert {t.name: t.type.name for t in file.tensors.values()} == {n: n for n, *_ in tensors}


@pytest.mark.parametrize(
    "item,message",
    [
        (Item("", "string", "x"), "empty"),
        (Item("k", "uint32", -1), "key k"),
        (Item("k", "uint32", 2**32), "does not fit"),
        (Item("k", "uint32", True), "True is not a uint32"),
        (Item("k", "uint32", 1.0), "1.0 is not"),
        (Item("k", "bool", 1), "1 is not a bool"),
        (Item("k", "float32", 1e40), "does not fit"),
        (Item("k", "string", 3), "3 is not a string"),
        (Item("k", "string", "\ud800"), "not valid Unicode"),
        (Item("k", "array:string", ("a", None)), "None is not"),
        (Item("k", "array:string", "abc"), "needs a tuple"),
        (Item("k", "array:array", ()), "unknown value type"),
        (Item("k", "float16", 1.0), "unknown value type"),
        (Item("general.alignment", "uint32", 64), "laid out for"),
    ],
)
def test_entries_that_cannot_be_written(item: Item, message: str) -> None:
    with pytest.raises(ContainerError, match=message):
        build_header([item], [])


@pytest.mark.parametrize(
    "tensor,message",
    [
        (("", (4,), 0, 16), "1 to 63 bytes"),
        (("é" * 32, (4,), 0, 16), "1 to 63 bytes"),
        (("t", (), 0, 4), "not a shape"),
        (("t", (1, 1, 1, 1, 4), 0, 16), "not a shape"),
        (("t", (0, 4), 0, 0), "not a shape"),
        (("t", (4,), 4, 16), "type number 4"),
        (("t", (100,), 12, 144), "whole"),
        (("t", (256,), 12, 143), "144 bytes, not 143"),
    ],
)
def test_tensors_that_cannot_be_written(tensor: TensorInfo, message: str) -> None:
    with pytest.raises(ContainerError, match=message):
        build_header([], [tensor])


def test_all_problems_are_reported_together() -> None:
    items = [Item("a", "uint32", -1), Item("b", "string", "x"), Item("b", "string", "y")]
    tensors = [("t", (4,), 0, 16), ("t", (4,), 0, 15)]
    with pytest.raises(ContainerError) as caught:
        build_header(items, tensors)
    for part in ("key a", "key b is given twice", "tensor t is given twice", "16 bytes, not 15"):
        assert part in str(caught.value)


def test_the_longest_name_is_accepted(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf", (), (("n" * 63, (1,), 0, 4),))
    assert list(GgufFile(tmp_path / "m.gguf").tensors) == ["n" * 63]


@given(
    shapes=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), max_size=6),
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5),
    numbers=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5),
)
def test_any_content_round_trips(
    tmp_path_factory: pytest.TempPathFactory,
    shapes: list[list[int]],
    texts: list[str],
    numbers: list[int],
) -> None:
    items = (
        Item("texts", "array:string", tuple(texts)),
        Item("numbers", "array:int32", tuple(numbers)),
    )
    tensors = tuple(
        (f"t{i}", tuple(shape), 0, 4 * int(np.prod(shape))) for i, shape in enumerate(shapes)
    )
    path = tmp_path_factory.mktemp("round") / "m.gguf"
    write(path, items, tensors)
    file = GgufFile(path)
    assert tuple(e.value for e in file.entries.values()) == (tuple(texts), tuple(numbers))
    assert tuple((t.name, t.shape, t.type.id, t.nbytes) for t in file.tensors.values()) == tensors


def test_tensors_are_the_same_read_at_once_or_value_by_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.gguf"
    tensors = (*TENSORS, ("blk.0.ünï", (1, 1, 1, 4), 0, 16))
    write(path, ITEMS, tensors)
    at_once = GgufFile(path).tensors
    monkeypatch.setattr(Cursor, "tensor_info", lambda _cursor: None)
    assert GgufFile(path).tensors == at_once
    assert [(t.name, t.shape, t.type.id, t.nbytes) for t in at_once.values()] == list(tensors)
