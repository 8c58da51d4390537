"""What transformers computes: the reference that llama.cpp's numbers are held against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from conformance import weights
from conformance.case import Case

Values = np.ndarray[Any, Any]
# The decoder's first token, and how many more it is given, of an encoder-decoder.
DECODED = 8


class NotLoadedError(Exception):
    """transformers finds other tensors in the checkpoint than the class has."""


def compute(case: Case, folder: Path, tokens: list[int], *, tables: bool = False) -> Values:
    """Return float64 values (positions, outputs), or (1, outputs) of a text as a whole.

    Args:
        case: the case.
        folder: the checkpoint.
        tokens: given to the model.
        tables: compute GELU as llama.cpp does, which looks it up in a table of F16 numbers.

    Raises:
        NotLoadedError: transformers misses tensors, or finds some it does not know.
    """
    import torch
    import transformers

    torch.set_num_threads(1)
    cls = getattr(transformers, case.hf if case.twin is None else case.twin.hf)
    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "eager"}
    model, info = cls.from_pretrained(folder, output_loading_info=True, **{**options, **case.truth})
    problems = {kind: sorted(map(str, names)) for kind, names in info.items() if names}
    if case.extra:
        problems.pop("unexpected_keys", None)
    if problems:
        raise NotLoadedError(f"transformers does not load the checkpoint as it is: {problems}")
    model.eval()
    if tables:
        _round_gelu(model, torch)
    ids = torch.tensor([tokens])
    with torch.no_grad():
        return _outputs(case, model, ids, torch).double().numpy()


def _round_gelu(model: Any, torch: Any) -> None:
    """Replace GELU by llama.cpp's: input and output rounded to F16, the tanh form throughout.

    ggml_vec_gelu_f32 and ggml_gelu_f32 in llama.cpp's ggml/src/ggml-cpu/vec.h; the quick form has a
    table too.
    """
    exact = torch.nn.functional.gelu

    def table(x: Any, approximate: str = "tanh") -> Any:
        found = exact(x.half().float(), approximate="tanh").half().float()
        return torch.where(x <= -10, torch.zeros_like(x), torch.where(x >= 10, x, found))

    def quick(x: Any) -> Any:
        rounded = x.half().float()
        return (rounded * torch.sigmoid(1.702 * rounded)).half().float()

    torch.nn.functional.gelu = table
    for cls in {type(module) for module in model.modules()}:
        if "gelu" in cls.__name__.lower():
            form = quick if "quick" in cls.__name__.lower() else table
            cls.forward = lambda self, x, form=form: form(x)


def _outputs(case: Case, model: Any, ids: Any, torch: Any) -> Any:
    if case.kind == "encoder-decoder":
        decoded = ids[:, :DECODED]
        return model(input_ids=ids, decoder_input_ids=decoded, use_cache=False).logits[0]
    if case.kind == "logits":
        return model(input_ids=ids, use_cache=False).logits[0]
    if case.kind == "scores":
        return model(input_ids=ids).logits
    states = model(input_ids=ids).last_hidden_state[0]
    if case.kind == "states":
        return states
    pooled = {"mean": states.mean(0), "cls": states[0], "last": states[-1]}[case.pooling]
    for matrix in _dense(case):
        pooled = torch.from_numpy(matrix) @ pooled
    return (pooled / torch.linalg.vector_norm(pooled))[None]


def _dense(case: Case) -> list[Values]:
    """Return the matrices of the dense layers among the case's further tensors, in order."""
    names = sorted(name for name in case.extra if "_Dense." in name)
    shapes = {name: case.extra[name] for name in names}
    kinds = dict.fromkeys(names, case.dtype)
    return list(weights.tensors(shapes, case.weights, kinds).values())
