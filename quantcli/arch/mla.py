"""Multi-head latent attention (DeepSeek V2 and later): rows, keys, and what the graphs have.

llama.cpp's graph absorbs the up-projection of keys into the queries, so that all heads share one
key of the latent's length; the checkpoint's kv_b_proj is taken apart for that. Its YaRN treats the
scale of the scores apart from cosines and sines: `Scaling` says what keys give transformers'
numbers (`yarn_apply_mscale` in its modeling_deepseek_v3, DeepSeek's own softmax scale).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from quantcli.arch.architecture import Count, Implements, Key, Row, Value
from quantcli.arch.blocks import affine, norm, row, switched
from quantcli.arch.decoders import VOCAB_KEY
from quantcli.arch.facts import Facts
from quantcli.arch.keys import CAUSAL_KEY, RMS_EPSILON_KEY, SIZE_KEYS, heads, width
from quantcli.arch.relations import PLAIN, SILU, without
from quantcli.arch.rope import (
    ROPE_KEYS,
    magnitude,
    rope_type,
    rotary,
    stretch,
    yarn_magnitude,
)
from quantcli.arch.sentence import POOLING_KEY

# ------------------------------------------------------------------------------------------ sizes
_PLAIN_DIM, _ROTARY_DIM, _VALUE_DIM = "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"
_RANK, _QUERY_RANK = "kv_lora_rank", "q_lora_rank"


def _size(field: str) -> Count:
    return lambda facts: facts.integer(field)


def _sum(*sizes: Count) -> Count:
    return lambda facts: sum(size(facts) for size in sizes)


def _by_head(size: Count) -> Count:
    return lambda facts: heads(facts) * size(facts)


_rank, _query_rank, _value_dim = _size(_RANK), _size(_QUERY_RANK), _size(_VALUE_DIM)
_plain_dim, _rotary_dim = _size(_PLAIN_DIM), _size(_ROTARY_DIM)
_key_dim, _cached = _sum(_plain_dim, _rotary_dim), _sum(_rank, _rotary_dim)
_group = _sum(_plain_dim, _value_dim)


def compressed_query(facts: Facts) -> bool:
    """Tell whether the queries go through a latent of their own."""
    return facts.get(_QUERY_RANK) is not None


# ------------------------------------------------------------------------------------------- rows
def latent_attention(at: str = "self_attn.", *, direct: bool = False) -> tuple[Row, ...]:
    """Return the norm and the projections of a latent attention.

    Args:
        at: what precedes the names of the projections.
        direct: whether the runtime also has queries without a latent of their own.
    """
    plain = row("attn_q.weight", f"{at}q_proj.weight", shape=(_by_head(_key_dim), width))
    compressed = (
        row("attn_q_a.weight", f"{at}q_a_proj.weight", shape=(_query_rank, width)),
        norm("attn_q_a_norm", f"{at}q_a_layernorm", _query_rank),
        row("attn_q_b.weight", f"{at}q_b_proj.weight", shape=(_by_head(_key_dim), _query_rank)),
    )
    return (
        norm("attn_norm", "input_layernorm"),
        *(switched((plain,), lambda facts: not compressed_query(facts)) if direct else ()),
        *(switched(compressed, compressed_query) if direct else compressed),
        row("attn_kv_a_mqa.weight", f"{at}kv_a_proj_with_mqa.weight", shape=(_cached, width)),
        norm("attn_kv_a_norm", f"{at}kv_a_layernorm", _rank),
        Row(
            "attn_k_b.weight",
            (f"{at}kv_b_proj.weight",),
            "pick|reshape|transpose",
            (heads, 0, _plain_dim, "|", heads, _plain_dim, _rank),
            shape=(heads, _rank, _plain_dim),
        ),
        Row(
            "attn_v_b.weight",
            (f"{at}kv_b_proj.weight",),
            "pick|reshape",
            (heads, _plain_dim, _group, "|", heads, _value_dim, _rank),
            shape=(heads, _value_dim, _rank),
        ),
        row("attn_output.weight", f"{at}o_proj.weight", shape=(width, _by_head(_value_dim))),
    )


# --------------------------------------------------------------------------------------- scaling
Scaling = Callable[[Facts], tuple[float, float]]
"""Gives (factor, weight): the keys rope.scaling.attn_factor and yarn_log_multiplier * 10."""


def _terms(facts: Facts) -> tuple[float, float, float] | None:
    """Return (a, m, g) of a stretched context, else None.

    a is on transformers' cosines and sines, m on each of the two factors of a score, g is the
    1 + ln(factor)/10 that llama.cpp's graph brings along.
    """
    if rope_type(facts) not in ("yarn", "linear") or stretch(facts) <= 1:
        return None
    over = facts.rope_number("mscale_all_dim")
    scores = magnitude(stretch(facts), over) if over else 1.0
    own = yarn_magnitude(facts) if rope_type(facts) == "yarn" else 1.0
    return own, scores, magnitude(stretch(facts))


def _weight(ratio: float, brought: float) -> float:
    return round((ratio - 1) / (brought - 1), 9)


def deepseek2_scaling(facts: Facts) -> tuple[float, float]:
    """Return the scaling for deepseek2, whose context cancels its factor where there is a weight.

    There cosines and sines have attn_factor, scores (attn_factor (1 + weight ln(factor)/10))^2;
    without a weight both have the graph's own factor as well.
    """
    if (terms := _terms(facts)) is None:
        return 1.0, 0.0
    own, scores, brought = terms
    if rope_type(facts) == "linear":
        return 1.0, _weight(scores / brought, brought)
    weight = _weight(scores / own, brought)
    return (own, weight) if weight else (own / brought, 0.0)


def deepseek32_scaling(facts: Facts) -> tuple[float, float]:
    """Return the scaling for other architectures, whose context divides by the weight's factor."""
    if (terms := _terms(facts)) is None:
        return 1.0, 0.0
    own, scores, brought = terms
    if rope_type(facts) == "linear":
        return 1.0, _weight(scores / brought, brought)
    return scores / brought, _weight(scores / own, brought)


def _rope_keys(scaling: Scaling) -> tuple[Key, ...]:
    def factor(facts: Facts) -> Value | None:
        found = scaling(facts)[0]
        return None if abs(found - 1) < 1e-9 else found

    def weight(facts: Facts) -> Value | None:
        return 0.1 * scaling(facts)[1] or None

    return (
        *(
            replace(key, derive=factor) if key.name == "{arch}.rope.scaling.attn_factor" else key
            for key in ROPE_KEYS
        ),
        Key("{arch}.rope.scaling.yarn_log_multiplier", "float32", derive=weight),
        Key("{arch}.rope.dimension_count", "uint32", (_ROTARY_DIM,), required=True, at_least=2),
    )


def latent_keys(scaling: Scaling) -> tuple[Key, ...]:
    """Return the keys of a decoder with latent attention, without those of its experts."""
    return (
        *SIZE_KEYS,
        Key("{arch}.attention.head_count_kv", "uint32", derive=lambda facts: 1),
        CAUSAL_KEY,
        *_rope_keys(scaling),
        RMS_EPSILON_KEY,
        POOLING_KEY,
        VOCAB_KEY,
        Key("{arch}.attention.kv_lora_rank", "uint32", (_RANK,), required=True, at_least=1),
        Key("{arch}.attention.key_length", "uint32", derive=_cached),
        Key("{arch}.attention.value_length", "uint32", derive=_rank),
        Key("{arch}.attention.key_length_mla", "uint32", derive=_key_dim),
        Key("{arch}.attention.value_length_mla", "uint32", derive=_value_dim),
    )


QUERY_RANK_KEY = Key("{arch}.attention.q_lora_rank", "uint32", (_QUERY_RANK,), at_least=1)

# Fields that say what follows from others, or that the classes overwrite.
LATENT_IGNORED = ("head_dim", "qk_head_dim", "num_key_value_heads", "ep_size", "seq_aux", "aux_*")


def latent_graph(*rope_kinds: str) -> tuple[Implements, ...]:
    """Return what the graph of a latent attention has, with these rotary scalings as well."""
    return (
        SILU,
        *rotary(*rope_kinds),
        *PLAIN,
        without("attention_bias"),
        without("mlp_bias"),
        # Pairs of neighbours are turned; the halves of a head are not.
        Implements("rope_interleave", (True, None)),
    )


def latent_problems(facts: Facts) -> Iterable[str]:
    """Give what cannot be rotated or taken apart."""
    if _rotary_dim(facts) % 2:
        yield f"qk_rope_head_dim is {_rotary_dim(facts)}, it must be even"
    theta = facts.rope_number("rope_theta")
    if rope_type(facts) == "yarn" and theta is not None and theta <= 1:
        yield f"rope_theta is {theta}; YaRN takes its logarithm, which must be positive"


# ---------------------------------------------------------------------------------------- indexer
_index_dim, _index_heads = _size("index_head_dim"), _size("index_n_heads")
INDEXER_KEYS: tuple[Key, ...] = (
    Key("{arch}.attention.indexer.head_count", "uint32", ("index_n_heads",), required=True),
    Key("{arch}.attention.indexer.key_length", "uint32", ("index_head_dim",), required=True),
    Key("{arch}.attention.indexer.top_k", "uint32", ("index_topk",), required=True),
)


def _index_width(facts: Facts) -> int:
    return _index_heads(facts) * _index_dim(facts)


def indexer(at: str = "self_attn.indexer.") -> tuple[Row, ...]:
    """Return the rows of the indexer that chooses the tokens a layer attends to."""
    return (
        *affine("indexer.k_norm", f"{at}k_norm", shape=(_index_dim,)),
        row("indexer.proj.weight", f"{at}weights_proj.weight", shape=(_index_heads, width)),
        row("indexer.attn_k.weight", f"{at}wk.weight", shape=(_index_dim, width)),
        row("indexer.attn_q_b.weight", f"{at}wq_b.weight", shape=(_index_width, _query_rank)),
    )


def indexer_problems(facts: Facts) -> Iterable[str]:
    """Give heads of an indexer that the runtime cannot turn: its Hadamard matrices begin at 64."""
    length = _index_dim(facts)
    if length < 64 or length & (length - 1):
        yield f"index_head_dim is {length}; llama.cpp takes powers of 2 from 64 on"
