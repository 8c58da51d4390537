"""types lists every tensor type with figures that were measured."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest

import quantcli
from quantcli import codec
from quantcli.app.types import TensorType, Types
from quantcli.errors import UsageError


@pytest.fixture(scope="module")
def found() -> Types:
    return quantcli.types()


def named(result: Types) -> dict[str, TensorType]:
    return {row.name: row for row in result.types}


def test_every_codec_has_a_line_in_the_order_of_numbers(found: Types) -> None:
    assert tuple(row.name for row in found.types) == codec.names()
    assert [row.number for row in found.types] == sorted({row.number for row in found.types})


def test_sizes_are_those_of_the_gguf_library(found: Types) -> None:
    known = {kind.name: kind for kind in gguf.GGMLQuantizationType}
    compared = 0
    for row in found.types:
        assert row.bits_per_weight == 8 * row.block_bytes / row.block
        if row.name in known:
            assert row.number == known[row.name].value
            assert (row.block, row.block_bytes) == gguf.GGML_QUANT_SIZES[known[row.name]]
            compared += 1
    assert compared >= 20


def test_errors_are_those_of_much_more_data(found: Types) -> None:
    x = np.random.default_rng(7).standard_normal((256, 1024), np.float32)
    for name in ("BF16", "Q8_0", "Q4_0", "Q4_K"):
        y = quantcli.dequantize(quantcli.quantize(x, name), name, x.shape)
        error = float(np.linalg.norm(y - x) / np.linalg.norm(x))
        assert named(found)[name].error_gaussian == pytest.approx(error, rel=0.01)


def test_errors_rank_as_bits_do(found: Types) -> None:
    by_name = named(found)
    assert by_name["F32"].error_gaussian == by_name["F32"].error_heavy == 0
    for better, worse in (("F16", "Q8_0"), ("Q8_0", "Q6_K"), ("Q6_K", "Q5_K"), ("Q5_K", "Q4_K")):
        assert by_name[better].error_gaussian < by_name[worse].error_gaussian
        assert by_name[better].error_heavy < by_name[worse].error_heavy
    # One outlier stretches a whole block.
    assert all(row.error_heavy > row.error_gaussian for row in found.types if row.block > 4)


def test_the_same_figures_again(found: Types) -> None:
    assert quantcli.types() == found


def test_effort_changes_errors(found: Types) -> None:
    fast, best = named(quantcli.types(effort="fast")), named(quantcli.types(effort="best"))
    assert fast["Q4_K"].error_gaussian > best["Q4_K"].error_gaussian
    with pytest.raises(UsageError, match="unknown effort 'most'"):
        quantcli.types(effort="most")


def test_speeds_only_when_asked_for(found: Types, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {row.encoded_per_second for row in found.types} == {None}
    assert {row.decoded_per_second for row in found.types} == {None}
    monkeypatch.setattr(codec, "names", lambda: ("F32", "Q4_K"))
    for row in quantcli.types(bench=True).types:
        assert row.encoded_per_second is not None
        assert row.decoded_per_second is not None
        # Between a weight in a thousand cycles and a hundred in one.
        assert 1e6 < row.encoded_per_second < 1e12
        assert 1e6 < row.decoded_per_second < 1e12
    assert row.name == "Q4_K"
    assert row.decoded_per_second > row.encoded_per_second


def test_json_holds_the_fields(found: Types) -> None:
    record = json.loads(found.to_json())
    assert record["effort"] == "normal"
    assert [row["name"] for row in record["types"]] == list(codec.names())
    assert set(record["types"][0]) == set(TensorType.__slots__)
