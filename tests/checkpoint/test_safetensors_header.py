from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from quantcli.checkpoint.safetensors_file import read_header
from quantcli.errors import CheckpointError

Header = dict[str, Any]


def entry(begin: int, end: int, dtype: str = "F32", shape: tuple[int, ...] | None = None) -> Header:
    return {
        "dtype": dtype,
        "shape": list(shape or ((end - begin) // 4,)),
        "data_offsets": [begin, end],
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    def write_file(header: Header | bytes, data: int = 0, length: int | None = None) -> Any:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        prefix = struct.pack("<Q", len(text) if length is None else length)
        (tmp_path / "m.safetensors").write_bytes(prefix + text + bytes(data))
        return tmp_path, "m.safetensors"

    return write_file


def test_refs_of_a_file_that_the_library_wrote(tmp_path: Path) -> None:
    tensors = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "scalar": np.array(3.0),
        "half": np.ones((4,), np.float16),
        "empty": np.ones((0, 5), np.float32),
        "mask": np.ones((2, 2), np.bool_),
    }
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "np"})
    raw = (tmp_path / "m.safetensors").read_bytes()
    refs = {ref.name: ref for ref in read_header(tmp_path, "m.safetensors")}
    assert refs.keys() == tensors.keys()
    for name, tensor in tensors.items():
        ref = refs[name]
        assert (ref.shape, ref.file, ref.nbytes) == (tensor.shape, "m.safetensors", tensor.nbytes)
        assert raw[ref.offset : ref.offset + ref.nbytes] == tensor.tobytes()
    assert (refs["scalar"].rows, refs["scalar"].columns) == (1, 1)


def test_refs_stand_in_the_order_of_the_header(write: Any) -> None:
    root, file = write({"z": entry(4, 8), "a": entry(0, 4)}, data=8)
    assert [ref.name for ref in read_header(root, file)] == ["z", "a"]


@pytest.mark.parametrize(
    "header, data, length, message",
    [
        (b"", 0, 5000, "header's length, 5000 bytes, is more than the file's remaining 0"),
        (b"{}", 0, 2**63, "more than the file's remaining"),
        (b"not json", 0, None, "the header is not JSON"),
        (b"\xff\xfe{}", 0, None, "the header is not JSON"),
        (b"[" * 100_000, 0, None, "the header is not JSON"),
        (b"[1, 2]", 0, None, "not a JSON object"),
        (b'"text"', 0, None, "not a JSON object"),
        ({"t": {"dtype": "F32"}}, 0, None, "'t': dtype, shape and data_offsets"),
        ({"t": [1]}, 0, None, "'t': dtype, shape and data_offsets"),
        ({"t": {**entry(0, 4), "shape": [-1]}}, 4, None, "'t': dtype, shape and data_offsets"),
        ({"t": {**entry(0, 4), "shape": [True]}}, 4, None, "'t': dtype, shape and data_offsets"),
        ({"t": {**entry(0, 4), "shape": [2**63]}}, 4, None, "'t': dtype, shape and data_offsets"),
        ({"t": {**entry(0, 4), "shape": [1] * 65}}, 4, None, "'t': dtype, shape and data_offsets"),
        ({"t": {**entry(0, 4), "shape": [2**62] * 64}}, 4, None, "'t': F32 .* bytes.*holds 4"),
        ({"t": {**entry(0, 4), "data_offsets": [0, 4, 8]}}, 4, None, "'t': dtype, shape"),
        ({"t": entry(0, 4, "F33")}, 4, None, "'t': unknown dtype 'F33'"),
        ({"t": entry(0, 4, shape=(2,))}, 4, None, r"'t': F32 \(2,\) takes 8 bytes.*holds 4"),
        ({"t": entry(4, 0, shape=(0,))}, 4, None, "'t': F32"),
        ({"t": entry(0, 400)}, 4, None, "'t': ends at byte"),
        ({"t": entry(2**62, 2**62 + 4)}, 4, None, "'t': ends at byte"),
        ({"a": entry(0, 8), "b": entry(4, 12)}, 12, None, "'b': overlaps tensor 'a'"),
        ({"a": entry(0, 4), "b": entry(0, 4)}, 4, None, "overlaps tensor 'a'"),
        ({"a": entry(0, 4), "b": entry(8, 12)}, 12, None, "'b': a hole of 4 bytes"),
        ({"a": entry(4, 8)}, 8, None, "'a': a hole of 4 bytes"),
        ({"a": entry(0, 4)}, 9, None, "5 bytes after tensor 'a' belong to no tensor"),
        (b'{"a": {}, "a": {}, "b": 1, "b": 2}', 0, None, r"more than once:\n  'a'\n  'b'"),
    ],
)
def test_broken_headers_are_named(
    write: Any, header: Header | bytes, data: int, length: int | None, message: str
) -> None:
    root, file = write(header, data, length)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_header(root, file)
    assert caught.value.where == file
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("size", range(8))
def test_a_file_shorter_than_its_length_field(tmp_path: Path, size: int) -> None:
    (tmp_path / "m.safetensors").write_bytes(bytes(size))
    with pytest.raises(CheckpointError, match="truncated"):
        read_header(tmp_path, "m.safetensors")


def test_every_truncation_of_a_good_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"a": np.arange(3, dtype=np.float32), "b": np.ones(2, np.float16)}, path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError):
            read_header(tmp_path, path.name)


def test_all_broken_tensors_are_in_one_error(write: Any) -> None:
    root, file = write({"a": entry(0, 4, "X1"), "b": entry(0, 4, shape=(7,)), "c": {}}, data=4)
    with pytest.raises(CheckpointError) as caught:
        read_header(root, file)
    assert all(f"{name!r}" in str(caught.value) for name in "abc")


def test_what_only_the_library_refuses_is_refused(write: Any) -> None:
    root, file = write(b'{"__metadata__": {"format": 7}}')
    with pytest.raises(CheckpointError, match="the safetensors library refuses it"):
        read_header(root, file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read") as caught:
        read_header(tmp_path, "gone.safetensors")
    assert caught.value.where == "gone.safetensors"


@given(data=st.data())
def test_damaged_bytes_are_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever bytes change, the answer is references inside the file or a CheckpointError."""
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "m.safetensors"
    save_file({"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.int8)}, path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.sampled_from(b'0919[]{}",:-. \x00\xff') | st.integers(0, 255))
    path.write_bytes(content)
    try:
        refs = read_header(folder, path.name)
    except CheckpointError as error:
        refused = error
    else:
        assert all(0 <= ref.offset <= ref.offset + ref.nbytes <= len(content) for ref in refs)
        return
    assert refused.where == path.name
