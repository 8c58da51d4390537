"""Cases about names, cards, paths and what is no checkpoint: kinds 16, 21, 30, 31."""

from __future__ import annotations

from typing import Any

import numpy as np
from field.case import Case, Refused, Right
from field.folders import F32, INDEX, WEIGHTS, WIDTH, Folder, llama_bpe

# ---------------------------------------------------------------------------------- 16: cards
CARDS: dict[str, str | bytes] = {
    "license-list": "---\nlicense:\n- llama3.1\n- gemma\n---\n# x\n",
    "tags-null": "---\ntags:\nlanguage:\nlicense: mit\n---\n# x\n",
    "tab": "---\nlicense: mit\ntags:\n\t- a\n---\n# x\n",
    "colon": "---\nlicense: mit\ntitle: My model: the second\n---\n# x\n",
    "template": "---\nlicense: mit\nmodel_name: {{ model_name }}\n---\n# x\n",
    "base-null": "---\nbase_model:\n- null\n---\n# x\n",
    "base-empty": "---\nbase_model: []\n---\n# x\n",
    "base-blank": "---\nbase_model: ''\n---\n# x\n",
    "base-path": "---\nbase_model: ./outputs/run 3/\n---\n# x\n",
    "base-winpath": "---\nbase_model: C:\\models\\my model\n---\n# x\n",
    "base-url": "---\nbase_model: https://huggingface.co/org/name/\n---\n# x\n",
    "base-number": "---\nbase_model: 7\n---\n# x\n",
    "base-slash": "---\nbase_model: /\n---\n# x\n",
    "base-dict": "---\nbase_model: {name: org/name}\n---\n# x\n",
    "datasets-dicts": "---\ndatasets:\n- {name: a, type: b}\n---\n# x\n",
    "datasets-null": "---\ndatasets:\n- null\n---\n# x\n",
    "date": "---\nlicense: mit\ndate: 2024-01-01\nversion: 1.0\nname: 3\n---\n# x\n",
    "unclosed": "---\nlicense: mit\n",
    "list-top": "---\n- a\n- b\n---\n# x\n",
    "latin1": "---\nlicense: mit\n---\n# modèle\n".encode("latin-1"),
    "bom": "---\nlicense: mit\n---\n# x\n".encode("utf-8-sig"),
    "utf16": "---\nlicense: mit\n---\n# x\n".encode("utf-16"),
    "windows-lines": "---\r\nlicense: mit\r\n---\r\n# x\r\n",
    "python-object": "---\nlicense: !!python/object:os.system {}\n---\n# x\n",
    "nul": b"---\nlicense: mit\x00\n---\n# x\n",
    "aliases": "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nlicense: mit\n---\n# x\n",
    "deep": "---\nlicense: " + "[" * 1500 + "\n---\n# x\n",
    "tags-number": "---\ntags: [1, 2.5, true, null]\nlanguage: no\n---\n# x\n",
}
# Cards that cannot be read as front matter at all: a note says so.
UNREADABLE = ("colon", "template", "utf16", "python-object", "nul", "deep")
# Cards that can be: what they say is in the file.
SAID = {
    "latin1": "mit",
    "bom": "mit",
    "windows-lines": "mit",
    "tab": "mit",
    "date": "mit",
    "tags-null": "mit",
    "aliases": "mit",
}


def _card(name: str) -> Case:
    keys = {"general.license": SAID[name]} if name in SAID else {}
    notes = (("README.md",),) if name in UNREADABLE else ()
    return Case(
        f"16-{name}",
        lambda: llama_bpe().put({"README.md": CARDS[name]}),
        Right(notes, keys, compute=False, ids=False),
    )


# --------------------------------------------------------------------- 31: nothing to convert
def _quantized(method: str, suffixes: tuple[str, ...], **config: Any) -> Folder:
    """Every matrix of the layers is replaced by packed ones, as quantizers save them."""
    folder = llama_bpe(quantization_config={"quant_method": method, **config})
    for name in list(folder.tensors):
        if "_proj.weight" in name:
            del folder.tensors[name]
            stem = name.removesuffix("weight")
            folder.store({stem + suffix: np.ones((8, 8), np.int32) for suffix in suffixes})
    return folder


def _lora() -> Folder:
    stem = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
    tensors = {
        f"{stem}A.weight": np.ones((2, WIDTH), F32),
        f"{stem}B.weight": np.ones((64, 2), F32),
    }
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "org/base-name", "r": 2}
    return Folder({"adapter_config.json": adapter}).store(tensors, "adapter_model.safetensors")


def _one_shard() -> Folder:
    folder = llama_bpe().shard()
    del folder.stores["model-00002-of-00002.safetensors"]
    return folder


def _one_shard_no_index() -> Folder:
    return _one_shard().drop(INDEX)


def _pointer() -> Folder:
    folder = llama_bpe()
    folder.stores.clear()
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 988097824\n"
    return folder.put({WEIGHTS: text})


def _pickles() -> Folder:
    folder = llama_bpe()
    folder.stores.clear()
    return folder.put({"pytorch_model.bin": b"PK\x03\x04"})


def _gguf_folder() -> Folder:
    folder = llama_bpe()
    folder.stores.clear()
    return folder.put({"model-Q4_K_M.gguf": b"GGUF\x03\x00\x00\x00"})


def _no_weights() -> Folder:
    folder = llama_bpe()
    folder.stores.clear()
    return folder


_GPTQ = ("qweight", "qzeros", "scales", "g_idx")
NOTHING = (
    Case("31-gptq", lambda: _quantized("gptq", _GPTQ, bits=4), Refused(("gptq",), lines=6)),
    Case("31-awq", lambda: _quantized("awq", _GPTQ[:3], bits=4), Refused(("awq",), lines=6)),
    Case(
        "31-fp8",
        lambda: _quantized("fp8", ("weight", "weight_scale_inv")),
        Refused(("fp8",), lines=6),
    ),
    Case(
        "31-bitsandbytes",
        lambda: _quantized("bitsandbytes", ("weight", "weight.absmax"), load_in_4bit=True),
        Refused(("bitsandbytes",), lines=6),
    ),
    Case(
        "31-compressed-tensors",
        lambda: _quantized("compressed-tensors", ("weight_packed", "weight_scale", "weight_shape")),
        Refused(("compressed-tensors",), lines=6),
    ),
    Case(
        "31-unknown-architecture",
        lambda: llama_bpe(architectures=["FancyForCausalLM"], model_type="fancy"),
        Refused(("FancyForCausalLM",), lines=6),
    ),
    Case("31-lora", _lora, Refused(("lora", "org/base-name"), lines=4)),
    Case("31-one-shard", _one_shard, Refused(("model-00002-of-00002.safetensors",), lines=4)),
    Case(
        "31-one-shard-no-index",
        _one_shard_no_index,
        Refused(("model-00002-of-00002.safetensors",), lines=4),
    ),
    Case("31-lfs-pointer", _pointer, Refused(("git lfs", "model.safetensors"), lines=4)),
    Case("31-pickles", _pickles, Refused(("pytorch_model.bin",), lines=4)),
    Case("31-gguf-folder", _gguf_folder, Refused(("gguf",), lines=4)),
    Case("31-no-weights", _no_weights, Refused(("safetensors",), lines=4)),
)

CASES = (*(_card(name) for name in CARDS), *NOTHING)
