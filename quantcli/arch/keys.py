"""Config fields, derived numbers and metadata keys of sizes that many architectures share."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Count, Key, Value
from quantcli.arch.facts import Facts

# Of several spellings the one that transformers' classes of today use comes first.
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers")
CONTEXT = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_length",
    "max_sequence_length",
    "model_max_length",
)
WIDTH = ("hidden_size", "n_embd", "n_embed", "dim", "d_model", "model_dim")
FEED_FORWARD = ("intermediate_size", "n_inner", "hidden_dim", "d_ff", "mlp_hidden_size")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
HEADS_KV = ("num_key_value_heads", "n_kv_heads")
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
RMS_EPSILON = ("rms_norm_eps", "norm_eps")
NORM_EPSILON = ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon")


def width(facts: Facts) -> int:
    """Return the length of the residual stream."""
    return facts.integer(*WIDTH)


def context(facts: Facts) -> int:
    """Return the number of positions the model was made for."""
    return facts.integer(*CONTEXT)


def heads(facts: Facts) -> int:
    """Return the number of query heads."""
    return facts.integer(*HEADS)


def heads_kv(facts: Facts) -> int:
    """Return the number of key and value heads; as many as query heads unless said otherwise."""
    return facts.integer(*HEADS_KV) if facts.get(*HEADS_KV) is not None else heads(facts)


def experts(facts: Facts) -> int:
    """Return the number of routed experts, 0 for a dense model."""
    return facts.integer(*EXPERTS) if facts.get(*EXPERTS) is not None else 0


def head_dim(facts: Facts) -> int:
    """Return the length of a head: said, or the width over the heads."""
    if facts.get("head_dim") is not None:
        return facts.integer("head_dim")
    return width(facts) // max(1, heads(facts))


def query_width(facts: Facts) -> int:
    """Return the length of all query heads together."""
    return heads(facts) * head_dim(facts)


def inner(facts: Facts) -> int:
    """Return the inner length of the feed-forward."""
    return facts.integer(*FEED_FORWARD)


def key_width(facts: Facts) -> int:
    """Return the length of all key heads together."""
    return heads_kv(facts) * head_dim(facts)


# Layers that llama.cpp has room for (LLAMA_MAX_LAYERS).
MOST_LAYERS = 512
# Positions that it counts in 32 bits with a sign.
MOST_POSITIONS = 2**31 - 1

BLOCK_COUNT_KEY = Key(
    "{arch}.block_count", "uint32", LAYERS, required=True, at_least=1, at_most=MOST_LAYERS
)


def context_key(*fields: str) -> Key:
    """Return the key of the model's number of positions, given by the first of `fields`."""
    return Key(
        "{arch}.context_length",
        "uint32",
        fields,
        required=True,
        at_least=1,
        at_most=MOST_POSITIONS,
    )


def replaced(keys: Iterable[Key], *others: Key) -> tuple[Key, ...]:
    """Return the keys, those that one of `others` has the name of replaced by it."""
    by_name = {key.name: key for key in others}
    return tuple(by_name.get(key.name, key) for key in keys)


WIDTH_KEY = Key("{arch}.embedding_length", "uint32", WIDTH, required=True, at_least=1)
HEADS_KEY = Key("{arch}.attention.head_count", "uint32", HEADS, required=True, at_least=1)


def norm_epsilon_key(*fields: str) -> Key:
    """Return the key of what norms add to the variance, given by the first of `fields`."""
    return Key("{arch}.attention.layer_norm_epsilon", "float32", fields, required=True, above=0)


NORM_EPSILON_KEY = norm_epsilon_key(*NORM_EPSILON)
RMS_EPSILON_KEY = Key(
    "{arch}.attention.layer_norm_rms_epsilon", "float32", RMS_EPSILON, required=True, above=0
)
FEED_FORWARD_KEY = Key(
    "{arch}.feed_forward_length", "uint32", FEED_FORWARD, required=True, at_least=1
)
SIZE_KEYS: tuple[Key, ...] = (
    BLOCK_COUNT_KEY,
    context_key(*CONTEXT),
    WIDTH_KEY,
    FEED_FORWARD_KEY,
    HEADS_KEY,
)


def not_causal(facts: Facts) -> Value | None:
    """Return False for a model whose tokens see those after them, None for the usual one."""
    return False if facts.get("is_causal") is False else None


CAUSAL_KEY = Key("{arch}.attention.causal", "bool", derive=not_causal)
HEAD_KEYS: tuple[Key, ...] = (
    Key("{arch}.attention.head_count_kv", "uint32", derive=heads_kv, at_least=1),
    Key("{arch}.attention.key_length", "uint32", ("head_dim",), at_least=1),
    Key("{arch}.attention.value_length", "uint32", ("head_dim",), at_least=1),
)


def twice(size: Count) -> Count:
    """Return the length of two of `size` stored as one."""
    return lambda facts: 2 * size(facts)


def lacking(keys: Iterable[Key], *endings: str) -> tuple[Key, ...]:
    """Return the keys without those whose names end in one of `endings`."""
    return tuple(key for key in keys if not key.name.endswith(endings))
