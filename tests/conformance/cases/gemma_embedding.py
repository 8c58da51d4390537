"""EmbeddingGemma."""

from __future__ import annotations

import json
from typing import Any

from conformance.case import Case, tiny


def _config(**changes: Any) -> dict[str, Any]:
    """Return a configuration whose window is shorter than the text."""
    return tiny(
        head_dim=16,
        query_pre_attn_scalar=16,
        **{
            "num_hidden_layers": 6,
            "sliding_window": 8,
            "use_bidirectional_attention": True,
            **changes,
        },
    )


def _modules(*dense: tuple[str, int, int], activation: str = "Identity") -> dict[str, str]:
    """Return the files of a sentence-transformers folder: mean pooling, then dense layers."""
    at = "sentence_transformers.models."
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{at}Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{at}Pooling"},
        *(
            {"idx": i, "name": str(i), "path": path, "type": f"{at}Dense"}
            for i, (path, _, _) in enumerate(dense, 2)
        ),
    ]
    configs = {
        f"{path}/config.json": {
            "in_features": inputs,
            "out_features": outputs,
            "bias": False,
            "activation_function": f"torch.nn.modules.linear.{activation}",
        }
        for path, inputs, outputs in dense
    }
    pooling = {"pooling_mode_mean_tokens": True}
    files = {"modules.json": modules, "1_Pooling/config.json": pooling, **configs}
    return {name: json.dumps(value) for name, value in files.items()}


DENSE = (("2_Dense", 64, 96), ("3_Dense", 96, 64))

CASES = (
    Case("states", "Gemma3TextModel", _config(), tokenizer="spm", kind="states"),
    Case(
        "odd_window",
        "Gemma3TextModel",
        _config(num_hidden_layers=7, sliding_window=9),
        tokenizer="spm",
        kind="states",
    ),
    Case(
        "pooled",
        "Gemma3TextModel",
        _config(),
        tokenizer="spm",
        kind="pooled",
        files=_modules(),
    ),
    Case(
        "dense",
        "Gemma3TextModel",
        _config(),
        tokenizer="spm",
        kind="pooled",
        files=_modules(*DENSE),
        extra={"2_Dense.linear.weight": (96, 64), "3_Dense.linear.weight": (64, 96)},
        peer_fails="it reads dense layers from their own files only, and only when told to",
    ),
    Case(
        "activation",
        "Gemma3TextModel",
        _config(),
        tokenizer="spm",
        kind="pooled",
        files=_modules(*DENSE, activation="Tanh"),
        extra={"2_Dense.linear.weight": (96, 64), "3_Dense.linear.weight": (64, 96)},
        refused="activation Tanh",
    ),
    # The runtime aborts, as no layer uses the mask without a window that it makes.
    Case(
        "windows_only",
        "Gemma3TextModel",
        _config(num_hidden_layers=2),
        tokenizer="spm",
        kind="states",
        refused="layer_types is .sliding_attention in every layer",
    ),
    Case(
        "scale",
        "Gemma3TextModel",
        _config() | {"query_pre_attn_scalar": 64},
        tokenizer="spm",
        kind="states",
        refused="query_pre_attn_scalar is 64",
    ),
)
