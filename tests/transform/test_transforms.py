from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantcli import transform

FloatArray = npt.NDArray[np.float32]


@dataclass
class ArrayLoad:
    """Sources that lie in memory; counts the elements that were asked for."""

    arrays: tuple[FloatArray, ...]
    read: int = 0

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(array.shape for array in self.arrays)

    def _matrix(self, source: int) -> FloatArray:
        array = self.arrays[source]
        return array.reshape(math.prod(array.shape[:-1]), -1)

    def rows(self, source: int, start: int, stop: int) -> FloatArray:
        assert 0 <= start <= stop <= len(self._matrix(source))
        out = self._matrix(source)[start:stop].copy()
        self.read += out.size
        return out

    def columns(
        self, source: int, start: int, stop: int, first: int = 0, end: int | None = None
    ) -> FloatArray:
        out = self._matrix(source)[first:end, start:stop].copy()
        self.read += out.size
        return out


def matrix(*shape: int) -> FloatArray:
    return np.arange(math.prod(shape), dtype=np.float32).reshape(shape)


def permuted(array: FloatArray, heads: int) -> FloatArray:
    """Return the whole-tensor formula: halves of each head interleaved."""
    halves = array.reshape(heads, 2, len(array) // heads // 2, *array.shape[1:])
    return halves.swapaxes(1, 2).reshape(array.shape)


CASES = {
    "identity": [((matrix(7, 4),), (), matrix(7, 4)), ((matrix(2, 3, 4),), (), matrix(2, 3, 4))],
    "constants": [((), (1.0, 2.5, 0.1), np.array([1.0, 2.5, 0.1], np.float32))],
    "zeros": [((), (5, 3), np.zeros((5, 3), np.float32)), ((), (4,), np.zeros(4, np.float32))],
    "pad_rows": [
        ((matrix(4, 3),), (7,), np.concatenate([matrix(4, 3), np.zeros((3, 3), np.float32)])),
        ((matrix(4, 3),), (4,), matrix(4, 3)),
    ],
    "transpose": [
        ((matrix(5, 8),), (), matrix(5, 8).T),
        ((matrix(3, 5, 8),), (), matrix(3, 5, 8).swapaxes(1, 2)),
    ],
    "reshape": [
        ((matrix(6, 4),), (8, 3), matrix(8, 3)),
        ((matrix(6, 1, 4),), (6, -1), matrix(6, 4)),
        ((matrix(12),), (2, 6), matrix(2, 6)),
        ((matrix(3, 4),), (12,), matrix(12)),
        ((matrix(4),), (4, 1), matrix(4, 1)),
    ],
    "pick": [
        ((matrix(12, 3),), (1, 4, 7), matrix(12, 3)[4:7]),
        ((matrix(12, 3),), (6, 1, 2), matrix(12, 3)[1::2]),
        ((matrix(12, 3),), (2, 0, 1, 3, 5), matrix(12, 3)[[0, 6, 3, 4, 9, 10]]),
        ((matrix(2, 6, 3),), (1, 3, 6), matrix(2, 6, 3)[:, 3:]),
        ((matrix(2, 6, 3),), (3, 0, 1), matrix(2, 6, 3)[:, ::2]),
        ((matrix(400, 2),), (2, 0, 1), matrix(400, 2)[[0, 200]]),
        ((matrix(12),), (2, 0, 1, 3, 5), matrix(12)[[0, 6, 3, 4, 9, 10]]),
    ],
    "pick_columns": [
        ((matrix(5, 12),), (1, 4, 7), matrix(5, 12)[:, 4:7]),
        ((matrix(2, 5, 12),), (6, 1, 2), matrix(2, 5, 12)[..., 1::2]),
    ],
    "stack": [
        ((matrix(4, 3), matrix(4, 3) + 50), (), np.stack([matrix(4, 3), matrix(4, 3) + 50])),
        ((matrix(4),), (), matrix(1, 4)),
        (
            (matrix(4), matrix(4) + 7, matrix(4)),
            (),
            np.stack([matrix(4), matrix(4) + 7, matrix(4)]),
        ),
    ],
    "concat": [
        ((matrix(4, 3), matrix(2, 3)), (), np.concatenate([matrix(4, 3), matrix(2, 3)])),
        (
            (matrix(2, 4, 3), matrix(1, 4, 3)),
            (),
            np.concatenate([matrix(2, 4, 3), matrix(1, 4, 3)]),
        ),
        ((matrix(4), matrix(2)), (), np.concatenate([matrix(4), matrix(2)])),
    ],
    "add": [((matrix(5, 8),), (1.0,), matrix(5, 8) + 1)],
    "ternary": [
        (
            (np.float32([[1, -4, 0.5], [-0.5, 2, 4]]),),
            (),
            np.float32([[0, -2, 0], [0, 2, 2]]),
        )
    ],
    "unit_rows": [
        (
            (np.float32([[3, 4], [0, 0], [0, -5]]),),
            (),
            np.float32([[0.6, 0.8], [0, 0], [0, -1]]),
        )
    ],
    "multiply": [((matrix(5, 8),), (0.5,), matrix(5, 8) / 2)],
    "multiply_runs": [
        ((matrix(3, 2),), (1, 2.0, 2, 0.5), matrix(3, 2) * np.array([[2], [0.5], [0.5]])),
        ((matrix(3),), (1, 2.0, 0, 5.0, 2, 0.5), matrix(3) * np.array([2, 0.5, 0.5])),
    ],
    "neg_exp": [
        (
            (matrix(2, 3),),
            (),
            np.float32([[-math.exp(i + 3 * j) for i in range(3)] for j in range(2)]),
        )
    ],
    "transpose|pick": [
        ((matrix(2, 5, 8),), ("|", 1, 3, 8), matrix(2, 5, 8).swapaxes(1, 2)[:, 3:]),
    ],
    "pick|transpose": [((matrix(6, 5),), (1, 2, 6), matrix(6, 5)[2:].T)],
    "pick|rope_permute": [((matrix(30, 3),), (1, 0, 24, "|", 3), permuted(matrix(24, 3), 3))],
    "neg_exp|reshape": [((np.zeros(4, np.float32),), ("|", 4, 1), np.full((4, 1), -1, np.float32))],
    "rope_permute": [
        *(
            ((matrix(rows, 3),), (heads,), permuted(matrix(rows, 3), heads))
            for rows, heads in ((24, 3), (24, 1), (8, 4), (64, 2))
        ),
        *(((matrix(n),), (heads,), permuted(matrix(n), heads)) for n, heads in ((24, 3), (8, 1))),
        ((matrix(12, 3),), (2, 4), matrix(12, 3)[[0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]]),
        ((matrix(12),), (2, 4), matrix(12)[[0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]]),
    ],
}
_SPARING = {"rope_permute", "pick", "pick_columns", "reshape", "concat", "ternary"}
FLAT = [(name, *case) for name, cases in CASES.items() for case in cases]


def test_every_transform_has_a_case() -> None:
    single = {name for name in CASES if "|" not in name}
    assert {*single, "rope_factors_llama3"} == set(transform.names())


@pytest.mark.parametrize("name, sources, args, expected", FLAT)
def test_the_shape_is_that_of_the_whole(
    name: str, sources: tuple[FloatArray, ...], args: transform.Args, expected: FloatArray
) -> None:
    shapes = tuple(source.shape for source in sources)
    assert transform.get(name).shape(shapes, args) == expected.shape


@pytest.mark.parametrize("name, sources, args, expected", FLAT)
@given(data=st.data())
def test_any_range_of_rows_equals_the_whole(
    name: str,
    sources: tuple[FloatArray, ...],
    args: transform.Args,
    expected: FloatArray,
    data: st.DataObject,
) -> None:
    whole = expected.reshape(math.prod(expected.shape[:-1]), -1)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    load = ArrayLoad(sources)
    got = transform.get(name).rows(load, args, start, stop)
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    assert np.array_equal(got, whole[start:stop])
    # A gather may read rows between those it wants; what starts within a row reads the row.
    spare = sum(s.size for s in sources) if _SPARING & {*name.split("|")} else 0
    assert load.read <= got.size * bool(sources) + spare, "reads no more than it returns"


@pytest.mark.parametrize(
    "name, shapes, args, message",
    [
        ("transpose", ((4,),), (), "only a matrix"),
        ("pick", ((6, 4),), (4, 0, 1), "do not make 4 equal groups"),
        ("pick", ((6, 4),), (1, 0, 7), "do not have those from 0 to 7"),
        ("pick", ((6, 4),), (1,), "do not have those"),
        ("pick_columns", ((6, 4),), (1, 0, 5), "do not have those from 0 to 5"),
        ("unit_rows", ((6,),), (), "only the rows of a matrix"),
        ("stack", ((6, 4), (5, 4)), (), "cannot be stacked"),
        ("concat", ((6, 4), (6, 5)), (), "do not have equal rows"),
        ("reshape", ((6, 4),), (5, -1), "cannot be seen as"),
        ("pick|transpose", ((6, 4),), (1, 0, 2, "|", "|", 3), "arguments for 3 operations"),
        ("rope_permute", ((6, 4),), (2,), "6 rows do not make 2 heads"),
        ("rope_permute", ((6, 4),), (0,), "do not make 0 heads"),
        ("rope_permute", ((8, 4),), (2, 3), "3 rows of a head of 4 cannot be rotated"),
        ("rope_permute", ((2, 2, 2),), (1,), "matrix or a vector"),
        ("rope_factors_llama3", (), (7, 1e4, 8.0, 1.0, 4.0, 8192), "even dimension"),
        ("rope_factors_llama3", (), (8, 0.0, 8.0, 1.0, 4.0, 8192), "make no Llama 3 scaling"),
        ("rope_factors_llama3", (), (8, 1e4, 8.0, 4.0, 4.0, 8192), "make no Llama 3 scaling"),
        ("rope_factors_llama3", ((4,),), (8,), "not from a tensor"),
    ],
)
def test_shapes_that_do_not_fit(
    name: str, shapes: tuple[transform.Shape, ...], args: transform.Args, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        transform.get(name).shape(shapes, args)


def test_an_unknown_transform_lists_the_known() -> None:
    with pytest.raises(KeyError, match="identity"):
        transform.get("no_such")


@pytest.mark.parametrize("dimension", [64, 80, 128])
@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_rope_factors_follow_the_published_rule(dimension: int, factor: float) -> None:
    theta, low, high, context = 500000.0, 1.0, 4.0, 8192.0
    args = (dimension, theta, factor, low, high, context)
    operation = transform.get("rope_factors_llama3")
    assert operation.shape((), args) == (dimension // 2,)
    got = operation.rows(ArrayLoad(()), args, 0, 1)[0]
    for i, value in enumerate(got):
        wavelength = 2 * math.pi * theta ** (2 * i / dimension)
        smooth = (context / wavelength - low) / (high - low)
        expected = 1.0 / ((1.0 - smooth) / factor + smooth)
        if wavelength < context / high:
            expected = 1.0
        elif wavelength > context / low:
            expected = factor
        assert value == pytest.approx(expected, rel=2e-5)
    assert got[0] == 1.0
    assert got[-1] == factor
    assert 1.0 < got[np.searchsorted(got, 1.5)] < factor, "some values lie between"
