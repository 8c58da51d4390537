"""Freeze which types llama_model_quantize gives to every tensor, for tests/recipe.

    python scripts/freeze_llama_quantize.py --peer-python PYTHON [--model NAME=FILE.gguf ...]

PYTHON is an interpreter with llama-cpp-python. A type depends on a tensor's name and row length,
its neighbours and the metadata, never on values or the number of rows; so every model is quantized
as a skeleton with at most four rows a matrix, which takes seconds. `--model` adds the structure of
a real file (its quantized tensors count as BF16), which is kept in the fixture: later runs freeze
it again without the file. The others are described below. Presets that llama.cpp does not have are
left out.

Writes tests/fixtures/llama_quantize/NAME.json: the traits, further keys, names and shapes
(outermost first) of the tensors, and for every preset their types in the same order, a letter each
of the legend: without and with an importance matrix, null where llama.cpp refuses.
"""

from __future__ import annotations

import argparse
import json
import string
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from quantcli import recipe
from quantcli.arch.architecture import Entry, Traits
from quantcli.recipe.tensors import is_float32

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests" / "fixtures" / "llama_quantize"
PEER = ROOT / "scripts" / "peer_types.py"
LETTERS = string.ascii_letters
MAX_ROWS = 4
NEEDS = """\
Make an environment with it (a C++ compiler is needed) and name its interpreter:
    python -m venv build/peer
    build/peer/bin/pip install llama-cpp-python
    python scripts/freeze_llama_quantize.py --peer-python build/peer/bin/python"""

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A model without weights: shapes are outermost first; `keys` are those of its architecture."""

    traits: Traits
    width: int
    hidden: int
    shapes: Shapes
    keys: tuple[Entry, ...] = ()


def decoder(
    traits: Traits,
    width: int,
    hidden: int,
    *,
    fused: bool = False,
    gate: bool = True,
    positions: bool = False,
    vocabulary: int = 96,
) -> Skeleton:
    """Return a llama-like decoder, with fused attention or stacked experts where asked."""
    head = width // traits.heads
    values = head * traits.heads_kv
    shapes: Shapes = {"token_embd.weight": (vocabulary, width), "output_norm.weight": (width,)}
    if positions:
        shapes["position_embd.weight"] = (128, width)
    if not traits.tied:
        shapes["output.weight"] = (vocabulary, width)
    for layer in range(traits.layers):
        block = {"attn_norm": (width,), "attn_output": (width, width), "ffn_norm": (width,)}
        if fused:
            block["attn_qkv"] = (width + 2 * values, width)
        else:
            block |= {"attn_q": (width, width), "attn_k": (values, width)}
            block["attn_v"] = (values, width)
        names = ("ffn_gate", "ffn_up", "ffn_down") if gate else ("ffn_up", "ffn_down")
        for name in names:
            plain = (width, hidden) if name == "ffn_down" else (hidden, width)
            stacked = traits.experts > 0
            block[f"{name}_exps" if stacked else name] = (
                (traits.experts, *plain) if stacked else plain
            )
        if traits.experts:
            block["ffn_gate_inp"] = (traits.experts, width)
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in block.items()}
    return Skeleton(traits, width, hidden, shapes)


def synthetic() -> dict[str, Skeleton]:
    """Return the described models by fixture name."""
    llama = Traits(arch="llama", layers=12, heads=8, heads_kv=2, experts=0, tied=False)
    smollm2 = Traits(arch="llama", layers=30, heads=12, heads_kv=4, experts=0, tied=True)
    falcon = Traits(arch="falcon", layers=18, heads=4, heads_kv=1, experts=0, tied=True)
    gpt2 = Traits(arch="gpt2", layers=12, heads=4, heads_kv=4, experts=0, tied=True)
    qwen2 = replace(llama, arch="qwen2", layers=24, heads=4, heads_kv=4, tied=True)
    return {
        "smollm2_768": decoder(smollm2, 768, 1536),
        "llama_untied_gqa4": decoder(llama, 256, 768),
        "llama_70b": decoder(replace(llama, layers=80), 256, 512),
        "llama_80_layers_ungrouped": decoder(replace(llama, layers=80, heads_kv=8), 256, 512),
        "llama_experts8": decoder(replace(llama, experts=8), 256, 512),
        "llama_experts4": decoder(replace(llama, experts=4, layers=9), 256, 512),
        "llama_width80": decoder(replace(llama, heads=2, heads_kv=2), 80, 224),
        "llama_width96": decoder(replace(llama, heads=2, heads_kv=2), 96, 272),
        "falcon": decoder(falcon, 256, 1024, fused=True, gate=False),
        "falcon_untied": decoder(replace(falcon, tied=False), 256, 1024, fused=True, gate=False),
        "gpt2": decoder(gpt2, 256, 1024, fused=True, gate=False, positions=True),
        "qwen2": decoder(qwen2, 512, 1280),
    }


def described(path: Path) -> Skeleton:
    """Return the structure of a real GGUF file."""
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    arch = fields["general.architecture"]
    heads = int(fields[f"{arch}.attention.head_count"])
    shapes = {t.name: tuple(int(n) for n in reversed(t.shape)) for t in reader.tensors}
    traits = Traits(
        arch=arch,
        layers=int(fields[f"{arch}.block_count"]),
        heads=heads,
        heads_kv=int(fields.get(f"{arch}.attention.head_count_kv", heads)),
        experts=int(fields.get(f"{arch}.expert_count", 0)),
        tied="output.weight" not in shapes,
    )
    width = int(fields[f"{arch}.embedding_length"])
    return Skeleton(traits, width, int(fields[f"{arch}.feed_forward_length"]), shapes)


def known(path: Path) -> Skeleton:
    """Return the structure that a fixture holds."""
    record = json.loads(path.read_text(encoding="utf-8"))
    shapes = {name: tuple(shape) for name, *shape in record["tensors"]}
    hidden = next(shape[-1] for name, shape in shapes.items() if "ffn_down" in name)
    width = shapes["token_embd.weight"][-1]
    keys = tuple(
        Entry(key, kind, tuple(value) if isinstance(value, list) else value)
        for key, kind, value in record.get("keys", ())
    )
    return Skeleton(Traits(**record["traits"]), width, hidden, shapes, keys)


def presets() -> list[recipe.Recipe]:
    """Return the presets that llama_model_quantize has; the plain ones come from the converter."""
    theirs = {int(kind) for kind in gguf.LlamaFileType} - {int(gguf.LlamaFileType.GUESSED)}
    every = [recipe.resolve(name) for name in recipe.names()]
    return [preset for preset in every if preset.mixture and preset.file_type in theirs]


def write(model: Skeleton, path: Path) -> None:
    """Write the skeleton as the converter types it, BF16 and F32, with few rows.

    Beside it a file .columns says how many weights an importance matrix has for each tensor.
    """
    traits = model.traits
    writer = gguf.GGUFWriter(path, traits.arch)
    if model.keys:
        for entry in model.keys:
            add(writer, entry)
    else:
        plain_keys(writer, model)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    noise = np.random.default_rng(1)
    columns = {}
    for name, shape in model.shapes.items():
        cut = shape if len(shape) == 1 else (*(min(n, MAX_ROWS) for n in shape[:-1]), shape[-1])
        columns[name] = cut[-1] * (cut[0] if len(cut) > 2 else 1)
        values: npt.NDArray[np.float32] = noise.standard_normal(cut, dtype=np.float32)
        if is_float32(name, shape):
            writer.add_tensor(name, values)
        else:
            bits = (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
            writer.add_tensor(name, bits, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    lines = [f"{name} {count}" for name, count in columns.items()]
    path.with_suffix(".columns").write_text("\n".join(lines), encoding="utf-8")


def plain_keys(writer: gguf.GGUFWriter, model: Skeleton) -> None:
    """Write what a described decoder needs."""
    traits = model.traits
    writer.add_context_length(128)
    writer.add_embedding_length(model.width)
    writer.add_block_count(traits.layers)
    writer.add_feed_forward_length(model.hidden)
    writer.add_head_count(traits.heads)
    writer.add_head_count_kv(traits.heads_kv)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_layer_norm_eps(1e-5)
    writer.add_causal_attention(traits.arch != "bert")
    if traits.experts:
        writer.add_expert_count(traits.experts)
        writer.add_expert_used_count(2)


def add(writer: gguf.GGUFWriter, entry: Entry) -> None:
    """Write one key of an architecture."""
    if entry.type.startswith("array:"):
        assert isinstance(entry.value, tuple)
        writer.add_array(entry.key, list(entry.value))
    else:
        kind = gguf.GGUFValueType[entry.type.upper()]
        writer.add_key_value(entry.key, entry.value, kind)


def freeze(name: str, model: Skeleton, peer_python: str, folder: Path) -> None:
    """Quantize the skeleton to every preset and write the fixture."""
    source = folder / f"{name}.gguf"
    write(model, source)
    legend: list[str] = []
    numbers = [str(preset.file_type) for preset in presets()]
    wanted = [number + flag for number in numbers for flag in ("", "i")]
    subprocess.run([peer_python, str(PEER), str(source), str(folder), *wanted], check=True)

    def types(path: Path) -> str | None:
        if not path.exists():
            return None
        found = {t.name: t.tensor_type.name for t in gguf.GGUFReader(path).tensors}
        path.unlink()
        legend.extend(kind for kind in dict.fromkeys(found.values()) if kind not in legend)
        return "".join(LETTERS[legend.index(found[tensor])] for tensor in model.shapes)

    frozen = {
        preset.name: [types(folder / f"{preset.file_type}{flag}.gguf") for flag in ("", "i")]
        for preset in presets()
    }
    record = {
        "traits": asdict(model.traits),
        "keys": [[entry.key, entry.type, entry.value] for entry in model.keys],
        "tensors": [[tensor, *shape] for tensor, shape in model.shapes.items()],
        "legend": legend,
        "types": frozen,
    }
    FIXTURES.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, separators=(",", ":"))
    (FIXTURES / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{name}: {len(model.shapes)} tensors, {len(frozen)} presets")


def main() -> int:
    """Freeze the described models and the given files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", default=sys.executable, help="has llama-cpp-python")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE.gguf")
    options = parser.parse_args()
    check = [options.peer_python, "-c", "import llama_cpp"]
    if subprocess.run(check, capture_output=True, check=False).returncode:
        sys.exit(f"{options.peer_python} has no llama-cpp-python.\n{NEEDS}")
    models = {path.stem: known(path) for path in sorted(FIXTURES.glob("*.json"))} | synthetic()
    for item in options.model:
        name, _, path = item.partition("=")
        models[name] = described(Path(path))
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models.items():
            freeze(name, model, options.peer_python, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
