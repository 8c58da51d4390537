"""The house rules that no linter knows: sizes, and a reason beside every exemption."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("quantcli", "scripts", "bench", "tests")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
SHIPPED = [path for path in MODULES if "tests" not in path.relative_to(ROOT).parts]
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
EXEMPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma)[^#\n]*")
REASONED = re.compile(r"#\s*(?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\])\s*(?:#|-|\s)\s*\w+")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's statements; its signature and docstring are not what makes it long."""
    first = function.body[0]
    is_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    statements = function.body[1:] if is_doc else function.body
    return (function.end_lineno or 0) - statements[0].lineno + 1 if statements else 0


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_modules_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE, "it is two modules"
    functions = (
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = {f.name: n for f in functions if (n := body_lines(f)) > LONGEST_FUNCTION}
    assert not long, "each of these is two functions"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_exemption_has_a_reason(path: Path) -> None:
    if path == Path(__file__):
        return  # names the patterns themselves
    lines = path.read_text(encoding="utf-8").splitlines()
    bare = [line.strip() for line in lines if EXEMPTION.search(line) and not REASONED.search(line)]
    assert not bare


def test_the_longest_module_is_measured() -> None:
    """The sizes above are taken from real files, not from an empty list."""
    assert len(SHIPPED) > 50
    tree = ast.parse('def f():\n    """Doc\n\n    more."""\n    a = 1\n    return a\n')
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert body_lines(function) == 2
