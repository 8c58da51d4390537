"""Gemma 3n: the graph has layer counts and sizes built in, so the checkpoints are less tiny."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _config(**changes: Any) -> dict[str, Any]:
    return tiny(
        hidden_size_per_layer_input=256,
        **{
            "intermediate_size": 64,
            "laurel_rank": 64,
            "head_dim": 16,
            "sliding_window": 8,
            "num_hidden_layers": 11,
            "num_kv_shared_layers": 0,
            "vocab_size_per_layer_input": 301,
            **changes,
        },
    )


SPARSITY = {"activation_sparsity_scale": "the runtime does not read it"}
ZEROS = (
    "the runtime wants keys and values of layers that use others', which the class does not save"
)
DEVIATION = (
    "gaussian_topk in src/models/gemma3n.cpp divides by n - 1 where the class divides by n, which "
    "counts with few inner numbers; with the class computing that way the difference is 4.1e-4"
)

CASES = (
    # A long feed-forward, for which n - 1 and n are about the same.
    Case(
        "one_layer",
        "Gemma3nForCausalLM",
        _config(num_hidden_layers=1, intermediate_size=2048, activation_sparsity_pattern=[0.95]),
        tokenizer="spm",
        peer_differs=SPARSITY,
    ),
    Case(
        "fewer_layer_tokens",
        "Gemma3nForCausalLM",
        _config(
            num_hidden_layers=1,
            intermediate_size=2048,
            activation_sparsity_pattern=[0.95],
            vocab_size_per_layer_input=280,
        ),
        tokenizer="spm",
        vocabulary=(3, 250),
        peer_differs=SPARSITY,
    ),
    Case(
        "streams",
        "Gemma3nForCausalLM",
        _config(),
        tokenizer="spm",
        runtime_wrong=DEVIATION,
        peer_differs=SPARSITY,
    ),
    Case(
        "shared_keys",
        "Gemma3nForCausalLM",
        _config(num_hidden_layers=22, num_kv_shared_layers=2),
        tokenizer="spm",
        runtime_wrong=DEVIATION,
        peer_differs={**SPARSITY, "attn_[kv](_norm)?.weight": ZEROS},
    ),
    Case(
        "layers",
        "Gemma3nForCausalLM",
        _config(num_hidden_layers=12, num_kv_shared_layers=2),
        tokenizer="spm",
        refused="num_kv_shared_layers is 2",
    ),
    Case(
        "dense",
        "Gemma3nForCausalLM",
        _config(num_hidden_layers=5),
        tokenizer="spm",
        refused="activation_sparsity_pattern",
    ),
    Case(
        "rank",
        "Gemma3nForCausalLM",
        _config(laurel_rank=32),
        tokenizer="spm",
        refused="laurel_rank is 32",
    ),
)
