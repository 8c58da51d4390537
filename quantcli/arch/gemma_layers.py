"""What Gemma 3n and 4 share: an embedding for each layer, and layers that use others' keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from quantcli.arch.architecture import Count, Key, Row
from quantcli.arch.blocks import When, norm, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, head_dim, key_width, width
from quantcli.arch.relations import rows_of, where

SHARED_LAYERS = "num_kv_shared_layers"
LAYER_WIDTH = "hidden_size_per_layer_input"
SHARED_KEY = Key("{arch}.attention.shared_kv_layers", "uint32", (SHARED_LAYERS,), required=True)
LAYER_WIDTH_KEY = Key(
    "{arch}.embedding_length_per_layer_input",
    "uint32",
    derive=lambda facts: facts.get(LAYER_WIDTH) or 0,
)
_KEYS_AND_VALUES = ("attn_k.weight", "attn_v.weight", "attn_k_norm.weight")


def layer_width(facts: Facts) -> int:
    """Return the length of one layer's embedding of a token."""
    return facts.integer(LAYER_WIDTH)


def _all_layers(facts: Facts) -> int:
    return layer_width(facts) * facts.integer(*LAYERS)


def first_shared(facts: Facts) -> int:
    """Return the first layer that uses another's keys and values."""
    return facts.integer(*LAYERS) - facts.integer(SHARED_LAYERS)


def shares(facts: Facts) -> bool:
    """Tell whether the layer uses another's keys and values."""
    return facts.layer is not None and facts.layer >= first_shared(facts)


def lent(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return an attention's rows; layers that use others' keys may lack what makes their own."""
    return tuple(
        replace(each, optional=shares) if each.name in _KEYS_AND_VALUES else each for each in rows
    )


def unused_keys() -> tuple[Row, ...]:
    """Return zeros for what a loader wants of layers that use others' keys, and no graph reads.

    Newer versions of the class do not store it.
    """

    def zeros(name: str, *shape: Count) -> Row:
        source = f"layers.{{n}}.self_attn.{name}.weight"
        role = {"k_proj": "attn_k", "v_proj": "attn_v", "k_norm": "attn_k_norm"}[name]
        return Row(
            f"{role}.weight",
            (),
            "zeros",
            shape,
            when=lambda facts: shares(facts) and not facts.has(source),
        )

    return (
        zeros("k_proj", key_width, width),
        zeros("v_proj", key_width, width),
        zeros("k_norm", head_dim),
    )


_ROWS = rows_of("embed_tokens.weight")
_ON: When = where(LAYER_WIDTH)
# Tokens after those that the class has an embedding for stand for what is seen or heard.
LAYER_EMBEDDING: tuple[Row, ...] = switched(
    (
        row(
            "per_layer_token_embd.weight",
            "embed_tokens_per_layer.weight",
            "pad_rows",
            _ROWS,
            shape=(_ROWS, _all_layers),
        ),
        row(
            "per_layer_model_proj.weight",
            "per_layer_model_projection.weight",
            shape=(_all_layers, width),
        ),
        norm("per_layer_proj_norm", "per_layer_projection_norm", layer_width),
    ),
    _ON,
)
LAYER_INPUT: tuple[Row, ...] = switched(
    (
        row("inp_gate.weight", "per_layer_input_gate.weight", shape=(layer_width, width)),
        row("proj.weight", "per_layer_projection.weight", shape=(width, layer_width)),
        norm("post_norm", "post_per_layer_input_norm"),
    ),
    _ON,
)
