"""The documents say what the code does."""

from __future__ import annotations

import importlib.util
import math
import re
import runpy
import sys
import tempfile
import textwrap
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest
import tiny

import quantcli
from quantcli import codec, errors, recipe
from quantcli.arch import expand
from quantcli.arch.architecture import TensorSpec, Traits
from quantcli.checkpoint import open_checkpoint
from quantcli.recipe import Recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_command_page_is_what_the_command_line_declares() -> None:
    module = script("make_command_docs")
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), (
        "run scripts/make_command_docs.py"
    )


def missing(what: str, names: Iterable[str], where: str) -> str:
    """Return the message of a failing test: what the README lacks, and where it belongs."""
    return f"README.md lacks {what} {', '.join(sorted(names))}: {where}"


def test_readme_names_every_preset() -> None:
    (types,) = [line for line in README.splitlines() if line.startswith("| Types |")]
    absent = set(recipe.names()) - set(re.findall(r"\w+", types))
    assert not absent, missing(
        "the presets", absent, 'add them to the row "| Types |" under "Commands"'
    )


def test_the_page_of_architectures_is_that_of_the_tables() -> None:
    module = script("make_architecture_docs")
    assert module.PROOFS.read_text(encoding="utf-8") == module.proofs(), (
        "run scripts/make_architecture_docs.py"
    )
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), (
        "run scripts/make_architecture_docs.py"
    )


def test_readme_names_every_exit_code() -> None:
    rows = set(re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE))
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {str(kind.exit_code) for kind in kinds if issubclass(kind, errors.QuantcliError)} | {
        "0"
    }
    where = 'the table "| exit code |" must have the codes of quantcli/errors.py'
    assert not codes - rows, missing("the exit codes", codes - rows, where)
    assert not rows - codes, (
        f"README.md names exit codes that no error has, {rows - codes}: {where}"
    )


def test_readme_options_exist() -> None:
    known = script("make_command_docs").page()
    options = set(re.findall(r"^\| `(--[a-z-]+)", README, flags=re.MULTILINE))
    assert options
    unknown = {
        option for option in options if not re.search(rf"[`, ]{re.escape(option)}[`, ]", known)
    }
    assert not unknown, (
        f"README.md describes options that no command has, {sorted(unknown)}: correct the table "
        f'"| option |", or add them to quantcli/cli/options.py'
    )


def test_readme_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write_tiny("llama", tmp_path / "SmolLM2-135M-Instruct", size=tiny.WIDE)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    example = tmp_path / "readme.py"
    example.write_text(textwrap.dedent(code), encoding="utf-8")
    runpy.run_path(str(example))
    assert (tmp_path / "out.gguf").is_file()


def test_readme_names_the_make_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    assert {"demo", "test", "check", "bench", "clean", "help"} <= targets
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"\bmake ([a-z]+)\b`", text)) <= targets, page


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page can be linked to by, as GitHub derives it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue  # another site
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken, f"{page.relative_to(ROOT)} links to what is not there"


def test_the_pictures_are_drawn_from_the_data() -> None:
    module = script("draw_size_error")
    data = module.load()
    for theme in module.THEMES:
        drawn = (module.PICTURES / f"size-error-{theme.name}.svg").read_text(encoding="utf-8")
        assert drawn == module.picture(data, theme), "run scripts/draw_size_error.py"
        ET.fromstring(drawn)  # noqa: S314 - the project's own file


@pytest.fixture(scope="module")
def llamas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return checkpoints of the shapes whose sizes the README has, by the README's names."""
    module, folder = script("make_shapes"), tmp_path_factory.mktemp("shapes")
    models = {"1B": "llama-3.2-1b", "8B": "llama-3.1-8b"}
    return {size: module.build(name, folder / name) for size, name in models.items()}


def test_readme_screen_is_what_a_plan_says(llamas: dict[str, Path]) -> None:
    plan = quantcli.plan(llamas["1B"], "Q4_K_M")
    shown = f"Q4_K_M, {plan.size / 1e6:.1f} MB, {plan.weights / 1e9:.1f} B weights, "
    assert f"{shown}{plan.bits_per_weight:.3f} bits per weight\n" in README
    assert not plan.fallbacks


def sizes(folder: Path) -> dict[str, int]:
    """Return a file's bytes by preset; the header, which is one token longer or shorter, is one."""
    checkpoint = open_checkpoint(folder)
    model = expand(checkpoint.config, checkpoint.refs, checkpoint.root)
    dtypes = {name: ref.dtype for name, ref in checkpoint.refs.items()}
    found = {}
    for name in recipe.names():
        choices = recipe.assign(recipe.resolve(name), model.traits, model.specs, dtypes)
        found[name] = sum(
            codec.get(choice.type).row_bytes(spec.shape[-1]) * math.prod(spec.shape[:-1])
            for choice, spec in zip(choices, model.specs, strict=True)
        )
    header = quantcli.plan(folder, "Q8_0").size - found["Q8_0"]
    return {name: size + header for name, size in found.items()}


def test_readme_types_have_their_sizes_and_losses(llamas: dict[str, Path]) -> None:
    """The rows of "Which type should I take?": sizes of plans, losses of the data."""
    module = script("draw_size_error")
    records = {pair.type: pair.ours for pair in module.pairs(module.load()[module.MODEL])}
    small, large = sizes(llamas["1B"]), sizes(llamas["8B"])
    row = re.compile(
        r"^\| \*{0,2}(\w+)\*{0,2} \| (\S+) GB \| (\S+) GB \| (.*?) \| (.*?) \|", re.MULTILINE
    )
    rows = row.findall(README)
    assert len(rows) >= 5
    for kind, *shown in rows:
        expected = [f"{small[kind] / 1e9:.2f}", f"{large[kind] / 1e9:.2f}"]
        record = records[kind]
        expected += [
            f"{record['divergence']:.2g}",
            f"{record['same_first']:.1%}".replace("%", " %"),
        ]
        assert shown == expected, kind


def example(path: str) -> dict[str, object]:
    """Run the code block of CONTRIBUTING.md that begins with the comment `# path`."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"```python\n(# {re.escape(path)}\n.*?)```", text, flags=re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / Path(path).name
        module.write_text(code, encoding="utf-8")
        return runpy.run_path(str(module), run_name=module.stem)


def test_the_example_architecture_is_the_file() -> None:
    path = "quantcli/arch/families/seed_oss.py"
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"```python\n# {re.escape(path)}\n(.*?)```", text, flags=re.DOTALL)
    assert code == (ROOT / path).read_text(encoding="utf-8")


def test_the_example_preset_gives_types() -> None:
    made = example("quantcli/recipe/presets/q6_k_l.py")["RECIPE"]
    assert isinstance(made, Recipe)
    specs = [
        TensorSpec(name, "", None, (512, 256), "identity", (), (name,))
        for name in ("output.weight", "blk.0.attn_v.weight", "blk.0.ffn_up.weight")
    ]
    traits = Traits(arch="llama", layers=1, heads=4, heads_kv=4, experts=0, tied=False)
    got = [choice.type for choice in recipe.assign(made, traits, specs)]
    assert got == ["Q8_0", "Q8_0", "Q6_K"]
