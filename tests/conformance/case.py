"""What a case is: a tiny checkpoint, how it is made, and what is expected of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Shapes = Mapping[str, tuple[int, ...]]
Tensors = Mapping[str, np.ndarray[Any, Any]]
Range = tuple[float, float]

# How many tokens the model is given, and the context that the file must have at least.
TOKENS = 32

Kind = Literal["logits", "states", "pooled", "scores", "encoder-decoder"]


@dataclass(frozen=True, slots=True)
class Twin:
    """A transformers class that computes the same as one that only remote code has.

    Attributes:
        hf: the class.
        config: arguments of its configuration, as in Case.
        tensors: the case's tensors by name → the same weights as the class has them.
    """

    hf: str
    config: Mapping[str, Any]
    tensors: Callable[[Tensors], Tensors]


@dataclass(frozen=True, slots=True)
class Case:
    """One tiny checkpoint.

    Attributes:
        name: what it varies, unique within the architecture ("tied", "sliding_window").
        hf: the transformers class that makes it, such as "Qwen2MoeForCausalLM"; for a checkpoint
            that only remote code can load, the class that config.json names.
        config: arguments of the class's configuration, see `tiny`. `vocab_size` is set to the
            tokenizer's size where it is not given. With `shapes`: config.json as it is.
        tokenizer: a name in `vocabularies.KINDS`.
        kind: what is compared with transformers: the logits at every position; the last hidden
            "states" at every position; the embedding "pooled" as the file says (the truth is
            computed from the states by `pooling`); the "scores" of a classifier; the logits of an
            "encoder-decoder".
        pooling: of "pooled": "mean", "cls" or "last".
        layout: "saved" as save_pretrained writes, or "stacked" as the class holds its parameters
            (experts stacked, gate and up fused): both exist on the Hub.
        changes: fields of config.json that are replaced after saving, None removes one. A dot
            leads into an object ("text_config.rope_theta").
        rename: prefixes of tensor names that are replaced, in the checkpoint only: transformers
            must load it all the same. {"model.language_model.": "language_model.model."}
        extra: further tensors of the checkpoint: name → shape, which transformers ignores.
        drop: pattern (a regular expression that is searched for) of tensors left out.
        files: further files: name → text.
        weights: pattern → (low, high), for tensors whose values must lie elsewhere than
            `weights.interval` has them. The first pattern found in the name decides.
        dtype: of the checkpoint, "F32", "BF16" or "F16".
        tokens: how many are given to the model.
        vocabulary: (first, last) of the ids given to the model; None takes what is not special.
        shapes: for what only exists as remote code: all tensors, name → shape. Without a `twin`
            there is no truth then: llama.cpp must load the file and compute finite numbers, and
            `statement` says what the tensors must be.
        twin: with `shapes`, the class that computes the same.
        statement: the checkpoint's tensors by name → tensors that the F32 file must have, by GGUF
            name, to the bit: the transformation in numpy, written without looking at the table.
        refused: a regular expression that quantcli's refusal must match: the config says something
            that llama.cpp's graph does not have.
        noted: a regular expression that one of quantcli's notes must match.
        runtime_wrong: why llama.cpp's numbers differ from transformers', with the evidence.
        peer_differs: regular expression of a tensor's or key's name → why llama.cpp's converter
            writes it otherwise, or not at all, or in addition.
        peer_fails: why llama.cpp's converter does not convert it (part of the error's text is not
            enough: whose fault it is).
        truth: how the reference must be computed otherwise, a mapping of arguments of
            `from_pretrained`.
        convert: arguments of `quantcli.convert`.
    """

    name: str
    hf: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: str = "gpt2"
    kind: Kind = "logits"
    pooling: str = "mean"
    layout: Literal["saved", "stacked"] = "saved"
    changes: Mapping[str, Any] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    extra: Shapes = field(default_factory=dict)
    drop: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, Range] = field(default_factory=dict)
    dtype: str = "F32"
    tokens: int = TOKENS
    vocabulary: tuple[int, int] | None = None
    shapes: Shapes | None = None
    twin: Twin | None = None
    statement: Callable[[Tensors], Tensors] | None = None
    refused: str = ""
    noted: str = ""
    runtime_wrong: str = ""
    peer_differs: Mapping[str, str] = field(default_factory=dict)
    peer_fails: str = ""
    truth: Mapping[str, Any] = field(default_factory=dict)
    convert: Mapping[str, Any] = field(default_factory=dict)


def tiny(**changes: Any) -> dict[str, Any]:
    """Return arguments of a small decoder's configuration; `changes` override or add some.

    A change to None takes the argument away, for classes that call it otherwise.
    """
    small = {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        **changes,
    }
    return {name: value for name, value in small.items() if value is not None}


def load(only: str = "") -> dict[str, tuple[Case, ...]]:
    """Return the cases of every architecture, or of the one whose GGUF name is `only`."""
    from conformance import cases

    found = {}
    for info in pkgutil.iter_modules(cases.__path__):
        arch = info.name.replace("_", "-")
        if only in {"", arch, info.name}:
            module = importlib.import_module(f"conformance.cases.{info.name}")
            names = [case.name for case in module.CASES]
            assert len(names) == len(set(names)), f"{info.name}: two cases share a name"
            found[info.name] = module.CASES
    return found


def chosen(arguments: list[str]) -> list[tuple[str, Case]]:
    """Return (architecture, case) for each of ARCH, ARCH/CASE; of all where none is given.

    Raises:
        SystemExit: there is no such case.
    """
    if not arguments:
        return [(arch, case) for arch, cases in load().items() for case in cases]
    found = []
    for argument in arguments:
        arch, _, name = argument.partition("/")
        cases = [(a, case) for a, all_ in load(arch).items() for case in all_]
        fitting = [(a, case) for a, case in cases if name in {"", case.name}]
        if not fitting:
            known = ", ".join(case.name for _, case in cases) or ", ".join(load())
            raise SystemExit(f"no case {argument}; there are {known}")
        found += fitting
    return found
