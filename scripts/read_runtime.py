"""Read from llama.cpp's sources which tensors it loads for each architecture, and all its keys.

    python scripts/read_runtime.py LLAMA_CPP BUILD

LLAMA_CPP is a folder with its sources, BUILD what they are called ("b9993"). Writes
quantcli/arch/runtime.json: for each architecture every name that its loader asks for, {bid}
standing for the block; and the keys that any loader may ask for, {arch} standing for the
architecture. The names are those of src/llama-arch.cpp, which loader asks for which is in
src/models, and which loader is an architecture's in src/llama-model.cpp, which also loads scales
for all of them.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "quantcli" / "arch" / "runtime.json"
_LOADER = re.compile(r"void (\w+)::load_arch_tensors\(")
_CREATED = re.compile(r'tn\(\s*LLM_TENSOR_(\w+)(?:\s*,\s*"(\w+)")?')
_SHARED = re.compile(r"\b(create_tensor_\w+)\(layer")


def main() -> None:
    """Write the file."""
    source, build = Path(sys.argv[1]) / "src", sys.argv[2]
    spelled = (source / "llama-arch.cpp").read_text(encoding="utf-8")
    names = dict(re.findall(r'\{ LLM_ARCH_(\w+),\s*"([^"]+)"', spelled))
    tensors = dict(re.findall(r'\{ LLM_TENSOR_(\w+),\s*"([^"]+)"', spelled))
    model = (source / "llama-model.cpp").read_text(encoding="utf-8")
    shared = {
        name: _CREATED.findall(body)
        for name, body in re.findall(
            r"^void llama_model_base::(create_tensor_\w+)\((.*?)^\}",
            model,
            re.MULTILINE | re.DOTALL,
        )
    }
    scales = _CREATED.findall(_body(model, "bool llama_model_base::load_tensors("))
    loaders = dict(_loaders(source))
    found = {}
    for symbols, loader in re.findall(
        r"((?:case LLM_ARCH_\w+:\s*)+)return new (\w+)\(params\);", model
    ):
        created = set(_CREATED.findall(loaders[loader]))
        for helper in _SHARED.findall(loaders[loader]):
            created.update(shared[helper])
        # Scales beside matrices are loaded for every architecture that has the matrix.
        created.update(
            (name, ending)
            for name, ending in scales
            if "scale" in ending and (name, "weight") in created
        )
        written = sorted({_written(tensors[name], ending) for name, ending in created})
        found.update({names[symbol]: written for symbol in re.findall(r"LLM_ARCH_(\w+)", symbols)})
    keys = sorted(
        key.replace("%s", "{arch}") for key in re.findall(r'\{ LLM_KV_\w+,\s*"([^"]+)"', spelled)
    )
    lines = (f"{json.dumps(arch)}: {json.dumps(found[arch])}" for arch in sorted(found))
    head = (
        f'{{"llama.cpp": {json.dumps(build)},\n"keys": {json.dumps(keys)},\n"architectures": {{\n'
    )
    TARGET.write_text(head + ",\n".join(lines) + "\n}}\n", encoding="utf-8")


def _body(text: str, signature: str) -> str:
    """Return the text of a function up to the brace that closes it."""
    begin = text.index(signature)
    return text[begin : text.index("\n}", begin)]


def _loaders(source: Path) -> dict[str, str]:
    """Return the text that loads each model class's tensors, inherited where it is."""
    own = {}
    for path in sorted((source / "models").glob("*.cpp")):
        text = path.read_text(encoding="utf-8")
        for begin in _LOADER.finditer(text):
            own[begin[1]] = text[begin.start() : text.index("\n}", begin.end())]
    header = (source / "models" / "models.h").read_text(encoding="utf-8")
    parents = dict(re.findall(r"struct (llama_model_\w+) : public (\w+)", header))
    for name in parents:
        ancestor = name
        while ancestor not in own:
            ancestor = parents[ancestor]
        own[name] = own[ancestor]
    return own


def _written(name: str, ending: str) -> str:
    """Return a name as the file spells it: {bid} the block, {xid} what is numbered inside it."""
    spelled = name.replace("%d", "{bid}", 1).replace("%d", "{xid}")
    return f"{spelled}.{ending}" if ending else spelled


if __name__ == "__main__":
    main()
