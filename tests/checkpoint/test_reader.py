from __future__ import annotations

import pickle
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from quantcli.checkpoint import BoundLoad, TensorReader, open_checkpoint
from quantcli.errors import CheckpointError

SHAPES = {"matrix": (7, 5), "vector": (6,), "cube": (2, 3, 4), "scalar": (), "column": (4, 1)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    rng = np.random.default_rng(3)
    tensors = {
        f"{dtype}.{name}": np.array(rng.standard_normal(shape)).astype(kind)
        for dtype, kind in tiny.DTYPES.items()
        for name, shape in SHAPES.items()
    }
    tiny.write_tensors(folder, tensors)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    np.savez(folder / "expected.npz", **{k: v.astype(np.float32) for k, v in tensors.items()})
    return folder


@given(data=st.data())
def test_ranges_equal_the_whole_tensor(folder: Path, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(sorted(tiny.DTYPES)))
    name = data.draw(st.sampled_from(sorted(SHAPES)))
    ref = open_checkpoint(folder).ref(f"{dtype}.{name}")
    reader = TensorReader(folder)
    with np.load(folder / "expected.npz") as expected:
        whole = expected[ref.name].reshape(ref.rows, ref.columns)
    for read, bound, cut in (
        (reader.rows, ref.rows, lambda a, b: whole[a:b]),
        (reader.columns, ref.columns, lambda a, b: whole[:, a:b]),
    ):
        start = data.draw(st.integers(0, bound))
        stop = data.draw(st.integers(start, bound))
        got = read(ref, start, stop)
        assert got.dtype == np.float32
        assert got.flags.c_contiguous
        assert got.flags.writeable
        assert np.array_equal(got, cut(start, stop))


def test_float64_beyond_float32_becomes_infinite(tmp_path: Path) -> None:
    tiny.write_tensors(tmp_path, {"t": np.array([1e300, -1e300, 1.0])})
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    row = open_checkpoint(tmp_path).rows("t", 0, 1)
    assert row.tolist() == [[np.inf, -np.inf, 1.0]]


def test_what_is_read_may_be_overwritten(folder: Path) -> None:
    checkpoint = open_checkpoint(folder)
    before = checkpoint.rows("F32.matrix", 0, 7).copy()
    checkpoint.rows("F32.matrix", 0, 7)[:] = 0
    assert np.array_equal(checkpoint.rows("F32.matrix", 0, 7), before)


@pytest.mark.parametrize("span", [(-1, 2), (3, 2), (0, 8)])
def test_ranges_outside_the_tensor(folder: Path, span: tuple[int, int]) -> None:
    ref = open_checkpoint(folder).ref("F32.matrix")
    with pytest.raises(IndexError, match=r"F32\.matrix"):
        TensorReader(folder).rows(ref, *span)
    with pytest.raises(IndexError, match=r"F32\.matrix"):
        TensorReader(folder).columns(ref, *span)


def test_a_file_that_shrank_is_named(folder: Path, tmp_path: Path) -> None:
    ref = open_checkpoint(folder).ref("F32.matrix")
    data = (folder / ref.file).read_bytes()
    (tmp_path / ref.file).write_bytes(data[: ref.offset + ref.nbytes - 1])
    with pytest.raises(CheckpointError, match=r"'F32\.matrix': needs bytes up to"):
        TensorReader(tmp_path).rows(ref, 0, 1)
    with pytest.raises(CheckpointError, match="cannot be opened"):
        TensorReader(tmp_path / "gone").rows(ref, 0, 1)


def test_a_dtype_without_weights(folder: Path) -> None:
    ref = replace(open_checkpoint(folder).ref("F32.matrix"), dtype="I64")
    with pytest.raises(CheckpointError, match="dtype I64 cannot be read"):
        TensorReader(folder).rows(ref, 0, 1)


def test_a_reader_travels_between_processes(folder: Path) -> None:
    ref = open_checkpoint(folder).ref("BF16.matrix")
    reader = TensorReader(folder)
    before = reader.rows(ref, 0, 7)
    copy: TensorReader = pickle.loads(pickle.dumps(reader))  # noqa: S301 - our own bytes
    assert np.array_equal(copy.rows(ref, 0, 7), before)


def test_one_reader_serves_many_threads(folder: Path) -> None:
    refs = list(open_checkpoint(folder).refs.values())
    reader = TensorReader(folder)
    failures: list[str] = []

    def read_all() -> None:
        with np.load(folder / "expected.npz") as expected:
            failures.extend(
                ref.name
                for ref in refs
                if not np.array_equal(
                    reader.rows(ref, 0, ref.rows).reshape(ref.shape), expected[ref.name]
                )
            )

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_bound_load_numbers_its_sources(folder: Path) -> None:
    checkpoint = open_checkpoint(folder)
    refs = (checkpoint.ref("F32.cube"), checkpoint.ref("F16.matrix"))
    load = BoundLoad(TensorReader(folder), refs)
    assert load.shapes == ((2, 3, 4), (7, 5))
    assert np.array_equal(load.rows(0, 1, 4), checkpoint.rows("F32.cube", 1, 4))
    assert load.columns(1, 2, 5).shape == (7, 3)
