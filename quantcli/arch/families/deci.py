"""DeciLM and Nemotron's pruned Llamas: heads and inner lengths differ from layer to layer.

Longer than a table should be, as its configs say the layers in two ways, neither of them in numbers
of heads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quantcli.arch.architecture import Architecture, Key, Stack, Value
from quantcli.arch.blocks import EMBEDDING, OUTPUT, linear, norm, row, swiglu, switched
from quantcli.arch.decoders import DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, head_dim, heads, heads_kv, inner, replaced, width
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS, rotary_problems
from quantcli.errors import ConfigError

_MULTIPLE = 256


def _block(facts: Facts, part: str) -> dict[str, Any] | None:
    """Return what block_configs says of a part of the layer, None without such a list."""
    blocks = facts.get("block_configs")
    if blocks is None:
        return None
    try:
        block = dict(blocks[facts.layer or 0][part])
    except (IndexError, KeyError, TypeError, ValueError):
        raise ConfigError(f"block_configs has no {part} of layer {facts.layer or 0}") from None
    return block


def _heads(facts: Facts) -> int:
    """Return the query heads of a layer, 0 for one without attention."""
    block = _block(facts, "attention")
    some = block is None or block.get("n_heads_in_group") or block.get("replace_with_linear")
    return heads(facts) if some else 0


def _keys(facts: Facts) -> int:
    """Return the key heads of a layer, 0 where it has one matrix or nothing instead."""
    block, listed = _block(facts, "attention"), facts.get("num_key_value_heads_per_layer")
    if block is not None:
        group = block.get("n_heads_in_group")
        return heads(facts) // int(group) if group else 0
    if isinstance(listed, list) and len(listed) > (facts.layer or 0):
        return int(listed[facts.layer or 0])
    return heads_kv(facts)


def _inner(facts: Facts) -> int:
    """Return the inner length of a layer, 0 for one without feed-forward."""
    block = _block(facts, "ffn")
    if block is None:
        return inner(facts)
    multiple = block.get("ffn_mult")
    # Two thirds of the width times that, rounded up.
    return (
        0 if multiple is None else -(-int(2 * multiple * width(facts) / 3) // _MULTIPLE) * _MULTIPLE
    )


def _layered(ask: Callable[[Facts], int], field: str) -> Callable[[Facts], Value | None]:
    """Return the value of a key: one a layer where `field` is in the config."""

    def values(facts: Facts) -> Value | None:
        if facts.get(field) is None and facts.get("block_configs") is None:
            return ask(facts)
        return tuple(ask(facts.at(layer)) for layer in range(facts.integer(*LAYERS)))

    return values


def _query_width(facts: Facts) -> int:
    return _heads(facts) * head_dim(facts)


def _key_width(facts: Facts) -> int:
    return _keys(facts) * head_dim(facts)


def _attends(facts: Facts) -> bool:
    return _keys(facts) > 0


def _length(facts: Facts) -> Value | None:
    """Return the length of a head where the layers differ in their heads, or it is said."""
    said = facts.get("block_configs") is not None or facts.get("head_dim") is not None
    return head_dim(facts) if said else None


_BLOCKS = "block_configs"
_LISTED = "num_key_value_heads_per_layer"

DECI = Architecture(
    name="deci",
    hf=("DeciLMForCausalLM",),
    vocab="auto",
    keys=replaced(
        LLAMA_KEYS,
        Key("{arch}.feed_forward_length", "uint32", derive=_layered(_inner, _BLOCKS), layered=True),
        Key(
            "{arch}.attention.head_count", "uint32", derive=_layered(_heads, _BLOCKS), layered=True
        ),
        Key(
            "{arch}.attention.head_count_kv",
            "uint32",
            derive=_layered(_keys, _LISTED),
            layered=True,
        ),
        Key("{arch}.attention.key_length", "uint32", derive=_length, at_least=1),
        Key("{arch}.attention.value_length", "uint32", derive=_length, at_least=1),
    ),
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *switched((norm("attn_norm", "input_layernorm"),), lambda f: _heads(f) > 0),
                *switched(
                    (
                        *linear(
                            "attn_q",
                            "self_attn.q_proj",
                            "rope_permute",
                            _heads,
                            shape=(_query_width, width),
                        ),
                        *linear(
                            "attn_k",
                            "self_attn.k_proj",
                            "rope_permute",
                            _keys,
                            shape=(_key_width, width),
                        ),
                        *linear("attn_v", "self_attn.v_proj", shape=(_key_width, width)),
                        *linear("attn_output", "self_attn.o_proj", shape=(width, _query_width)),
                    ),
                    _attends,
                ),
                row(
                    "attn_output.weight",
                    "self_attn.linear_attn.weight",
                    shape=(width, width),
                    when=lambda f: _heads(f) > 0 and not _attends(f),
                ),
                *switched(swiglu(size=_inner), lambda f: _inner(f) > 0),
            )
        ),
    ),
    graph=decoder_graph(LLAMA3),
    checks=(rotary_problems,),
    remarks=DECODER_REMARKS,
)
