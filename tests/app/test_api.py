"""What `import quantcli` offers."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

import quantcli
from quantcli.errors import (
    FLAGS,
    OPTIONS,
    OutputError,
    QuantcliError,
    UsageError,
    for_command_line,
    for_python,
)

MakeTiny = Callable[..., Path]


def test_the_public_names_are_exactly_these() -> None:
    assert quantcli.__all__ == [
        "Archs",
        "Batch",
        "CheckpointInspection",
        "Conversion",
        "Importance",
        "Inspection",
        "Plan",
        "QuantcliError",
        "Types",
        "Verification",
        "__version__",
        "archs",
        "batch",
        "convert",
        "dequantize",
        "inspect",
        "load_plan",
        "plan",
        "quantize",
        "read_imatrix",
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


def test_results_are_one_line_and_a_small_table(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model = make_tiny("llama").rename(tmp_path / "a <b> & 'c'")
    plan = quantcli.plan(model, "Q4_K_M")
    done = quantcli.convert(model, "Q4_K_M", tmp_path / "out <b>.gguf", jobs=1)
    results = (
        plan,
        done,
        quantcli.verify(done.output, model, jobs=1),
        quantcli.types(effort="fast"),
        quantcli.batch(model.parent, ["Q8_0"], tmp_path / "out", jobs=1),
        quantcli.inspect(done.output),
        quantcli.inspect(model),
    )
    for result in results:
        text = repr(result)
        assert "\n" not in text
        assert len(text) < 700
        assert text.startswith(f"{type(result).__name__}(")
        html = result._repr_html_()
        assert len(html) < 2000
        assert "<b>" not in html
    assert "size=146208" in repr(plan)
    assert "146,208" in plan._repr_html_()
    assert "&lt;b&gt;" in results[2]._repr_html_()


def test_a_saved_plan_is_taken_as_value_or_path(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model, saved = make_tiny("llama"), tmp_path / "plan.json"
    plan = quantcli.plan(model, "Q8_0", model_name="Other")
    saved.write_text(plan.to_json(), encoding="utf-8")
    assert quantcli.load_plan(saved) == plan
    one = quantcli.convert(model, plan=plan, output=f"{tmp_path}/one/", jobs=1)
    two = quantcli.convert(model, plan=saved, output=tmp_path / "two.gguf", jobs=1)
    assert Path(one.output) == tmp_path / "one" / "Other-Q8_0.gguf"
    assert Path(one.output).read_bytes() == Path(two.output).read_bytes()
    with pytest.raises(UsageError, match="effort"):
        quantcli.convert(model, plan=plan, effort="best", output=tmp_path / "three.gguf")


# --------------------------------------------------------------------------------------- wording
def test_errors_speak_python_and_the_command_line_its_options(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    output.write_bytes(b"x")
    with pytest.raises(OutputError) as caught:
        quantcli.convert(model, "Q8_0", output)
    assert caught.value.hint is not None
    assert "force=True" in caught.value.hint
    assert "--" not in str(caught.value)
    assert "--force" in for_command_line(caught.value.hint)


@pytest.mark.parametrize(
    "text, python",
    [
        ("Use --force.", "Use force=True."),
        ("Use another --output.", "Use another `output`."),
        ("Add --against MODEL.", "Add against=MODEL."),
        ("Use --pre-tokenizer NAME.", "Use pre_tokenizer=NAME."),
        ("Use --allow-nonfinite: NaN", "Use allow_nonfinite=True: NaN"),
        ("--strict refuses it", "strict=True refuses it"),
        ("models--org--force and --no-such", "models--org--force and --no-such"),
        ("a --force-like x--force", "a --force-like x--force"),
        ("`quantcli types`", "`quantcli types`"),
    ],
)
def test_texts_go_both_ways_and_lose_nothing(text: str, python: str) -> None:
    assert for_python(text) == python
    assert for_python(python) == python
    assert for_command_line(python) == text
    error = QuantcliError(text, hint=text)
    again = QuantcliError(error.message, hint=error.hint)
    assert (again.message, again.hint) == (python, python)


def test_every_option_in_the_table_is_an_option_and_a_keyword() -> None:
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = r"^\| `(?:-\w, )?(--[a-z-]+)( \S+)?` \|"
    declared = dict(re.findall(rows, page, flags=re.MULTILINE))
    functions = (quantcli.plan, quantcli.convert, quantcli.verify, quantcli.batch)
    keywords = {name for function in functions for name in inspect.signature(function).parameters}
    for option, keyword in OPTIONS.items():
        assert option in declared
        assert (option in FLAGS) == (declared[option] == "")
        assert keyword in keywords


def test_texts_of_the_library_name_no_other_option() -> None:
    package = Path(quantcli.__file__).parent
    for path in package.rglob("*.py"):
        if "cli" in path.relative_to(package).parts:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"(hint=|Error\(|^\s+f?\").*--[a-z]", line):
                named = set(re.findall(r"(?<![\w-])--[a-z-]+", line))
                assert named <= set(OPTIONS) | {"--json", "--help"}, (path, line)
