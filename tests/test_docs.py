"""The documents say what the code does."""

from __future__ import annotations

import importlib.util
import math
import re
import runpy
import tempfile
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
import tiny

from quantcli import errors, recipe
from quantcli.arch import expand, registry
from quantcli.arch.architecture import TensorSpec, Traits
from quantcli.arch.registry import architectures
from quantcli.checkpoint.source import TensorRef
from quantcli.recipe import Recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_page_is_what_the_command_line_declares() -> None:
    module = script("make_command_docs")
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), (
        "run scripts/make_command_docs.py"
    )


def test_readme_names_every_preset_architecture_and_exit_code() -> None:
    types = next(line for line in README.splitlines() if line.startswith("| Types"))
    assert set(recipe.names()) <= set(re.findall(r"\w+", types))
    rows = set(re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE))
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.QuantcliError)}
    assert rows == {str(code) for code in codes | {0}}
    spoken = re.sub(r"[^a-z0-9]", "", README.lower())
    assert all(table.name in spoken for table in architectures())


def test_readme_options_exist() -> None:
    known = script("make_command_docs").page()
    options = set(re.findall(r"^\| `(--[a-z-]+)", README, flags=re.MULTILINE))
    assert options
    assert all(f"`{option}" in known or f", {option}" in known for option in options)


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def example(path: str) -> dict[str, object]:
    """Run the code block of CONTRIBUTING.md that begins with the comment `# path`."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"```python\n(# {re.escape(path)}\n.*?)```", text, flags=re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / Path(path).name
        module.write_text(code, encoding="utf-8")
        return runpy.run_path(str(module), run_name=module.stem)


def test_the_example_architecture_expands_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    table = example("quantcli/arch/families/stablelm.py")["STABLELM"]
    monkeypatch.setattr(registry, "architectures", lambda: (table,))
    config = {
        "architectures": ["StableLmForCausalLM"],
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32,
        "layer_norm_eps": 1e-5,
        "partial_rotary_factor": 0.25,
        "use_parallel_residual": False,
    }
    shapes = {"model.embed_tokens.weight": (8, 64), "lm_head.weight": (8, 64)}
    for norm in ("norm", "layers.0.input_layernorm", "layers.0.post_attention_layernorm"):
        shapes |= {f"model.{norm}.weight": (64,), f"model.{norm}.bias": (64,)}
    for name, rows, columns in (
        ("self_attn.q_proj", 64, 64),
        ("self_attn.k_proj", 32, 64),
        ("self_attn.v_proj", 32, 64),
        ("self_attn.o_proj", 64, 64),
        ("mlp.gate_proj", 96, 64),
        ("mlp.up_proj", 96, 64),
        ("mlp.down_proj", 64, 96),
    ):
        shapes[f"model.layers.0.{name}.weight"] = (rows, columns)
    refs = {
        name: TensorRef(name, "F32", shape, "model.safetensors", 0, 4 * math.prod(shape))
        for name, shape in shapes.items()
    }
    model = expand(config, refs, ROOT)
    assert len(model.specs) == len(shapes)
    values = {entry.key: entry.value for entry in model.entries}
    assert values["stablelm.rope.dimension_count"] == 4
    assert values["stablelm.use_parallel_residual"] is False


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
