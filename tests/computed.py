"""Checkpoints whose numbers in llama.cpp are held against transformers': one setting each.

Shared by the test and by scripts/freeze_computation.py, which writes what transformers computes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tiny
from safetensors.numpy import load_file

FIXTURE = Path(__file__).parent / "fixtures" / "computation" / "transformers.json"
# Longer than the original contexts below, so that scalings act.
TEXT = "the and er in the and there then an other and 12 the thin and on the land "

_LONGROPE = {
    "rope_type": "longrope",
    "short_factor": [1.0 + 0.05 * i for i in range(12)],
    "long_factor": [1.0 + 0.7 * i for i in range(12)],
    "original_max_position_embeddings": 32,
}
_YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}


@dataclass(frozen=True)
class Case:
    """One checkpoint.

    Attributes:
        model: name in `tiny.MODELS`.
        config: fields of config.json that are changed.
        classes: outputs of a classifier, 0 for a language model.
        head: "another" stores an output layer unlike the embedding, "only" stores the embedding
            under the output layer's name alone.
        prefix: what precedes every tensor's name.
    """

    model: str
    config: Mapping[str, Any] = field(default_factory=dict)
    classes: int = 0
    head: str = ""
    prefix: str = ""


CASES: dict[str, Case] = {
    "plain": Case("llama", {"rope_scaling": None}),
    "longrope": Case("llama", {"rope_scaling": {**_LONGROPE, "factor": 4.0}}),
    "longrope without factor": Case("llama", {"rope_scaling": _LONGROPE}),
    "longrope with its own attention factor": Case(
        "llama", {"rope_scaling": {**_LONGROPE, "attention_factor": 0.7}}
    ),
    "yarn with its own attention factor": Case(
        "llama", {"rope_scaling": {**_YARN, "attention_factor": 2.5}}
    ),
    "yarn with mscale": Case(
        "llama", {"rope_scaling": {**_YARN, "mscale": 8.0, "mscale_all_dim": 0.5}}
    ),
    "yarn with a null factor": Case(
        "llama", {"rope_scaling": {**_YARN, "factor": None}, "max_position_embeddings": 256}
    ),
    "seeing what follows": Case("llama", {"rope_scaling": None, "is_causal": False}),
    "gpt2 seeing what follows": Case("gpt2", {"is_causal": False}),
    "gpt2 with the exact gelu": Case("gpt2", {"activation_function": "gelu"}),
    "tied, and another head stored": Case("llama", {"rope_scaling": None}, head="another"),
    "tied, only the head stored": Case("llama", {"rope_scaling": None}, head="only"),
    "doubled prefix": Case("llama", {"rope_scaling": None}, prefix="model."),
    "score": Case("bert_classifier", {"id2label": {"0": "LABEL_0"}}, classes=1),
    "two unnamed classes": Case("bert_classifier", {"id2label": None}, classes=2),
    "two classes of made-up names": Case(
        "bert_classifier", {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, classes=2
    ),
    "three classes": Case("bert_classifier", classes=3),
}


def write_case(case: Case, folder: Path) -> Path:
    """Write the checkpoint into `folder`, which is made, and return it."""
    tiny.write_tiny(case.model, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8")) | case.config
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tensors = load_file(folder / "model.safetensors")
    rng = np.random.default_rng(3)
    if case.classes:
        # Without a pooling of its own the folder is a classifier.
        (folder / "modules.json").unlink()
        width = tensors["classifier.weight"].shape[1]
        tensors["classifier.weight"] = rng.standard_normal((case.classes, width), np.float32)
        tensors["classifier.bias"] = rng.standard_normal(case.classes, np.float32)
        tensors["bert.pooler.dense.weight"] *= 4
    if case.head == "another":
        rows = tensors["model.embed_tokens.weight"].shape
        tensors["lm_head.weight"] = np.float32(0.05) * rng.standard_normal(rows, np.float32)
    if case.head == "only":
        tensors["lm_head.weight"] = tensors.pop("model.embed_tokens.weight")
    # Sharp attention, so that the numbers depend on where a token stands.
    scale = {"q_proj.weight": 4, "k_proj.weight": 4, "c_attn.weight": 2}
    changed = {
        case.prefix + name: values * np.float32(scale.get(".".join(name.split(".")[-2:]), 1))
        for name, values in tensors.items()
    }
    tiny.write_tensors(folder, changed)
    return folder
