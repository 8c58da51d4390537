"""What `import quantcli` offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest

import quantcli
from quantcli.errors import UsageError


def test_the_public_names_are_exactly_these() -> None:
    assert quantcli.__all__ == [
        "QuantcliError",
        "__version__",
        "convert",
        "dequantize",
        "inspect",
        "plan",
        "quantize",
        "types",
        "verify",
    ]
    assert dir(quantcli) == quantcli.__all__
    for name in quantcli.__all__:
        public = getattr(quantcli, name)
        assert name == "__version__" or public.__doc__
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = quantcli.no_such_name
    assert Path(quantcli.__file__).with_name("py.typed").is_file()


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, quantcli; print([m for m in ('numpy', 'gguf', 'rich') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_arrays_of_any_rank_go_there_and_back() -> None:
    values = np.random.default_rng(1).standard_normal((2, 3, 512)).astype(np.float32)
    blocks = quantcli.quantize(values, "q4_k")
    assert blocks.shape == (2, 3, 288)
    decoded = quantcli.dequantize(blocks, "Q4_K", values.shape)
    oracle = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType.Q4_K)
    assert np.array_equal(decoded, oracle)
    assert np.sqrt(((decoded - values) ** 2).mean() / (values**2).mean()) < 0.08


def test_a_column_s_importance_lowers_its_error() -> None:
    values = np.random.default_rng(2).standard_normal((64, 256)).astype(np.float32)
    weight = np.ones(256, np.float32)
    weight[7] = 1000

    def error(importance: np.ndarray | None) -> float:
        blocks = quantcli.quantize(values, "Q4_K", weight=importance)
        return float(
            ((quantcli.dequantize(blocks, "Q4_K", values.shape) - values)[:, 7] ** 2).sum()
        )

    assert error(weight) < 0.5 * error(None)


@pytest.mark.parametrize(
    "call",
    [
        lambda: quantcli.quantize(np.float32(1), "Q4_K"),
        lambda: quantcli.quantize(np.zeros(100), "Q4_K"),
        lambda: quantcli.quantize(np.zeros(256), "Q4_X"),
        lambda: quantcli.quantize(np.zeros(256), "Q4_K", weight=np.ones(3)),
        lambda: quantcli.dequantize(np.zeros(144, np.uint8), "Q4_K", (2, 256)),
        lambda: quantcli.dequantize(np.zeros(144, np.uint8), "Q4_K", ()),
    ],
)
def test_what_does_not_fit_is_wrong_usage(call: object) -> None:
    with pytest.raises(UsageError):
        call()
