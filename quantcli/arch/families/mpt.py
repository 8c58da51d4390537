"""MPT: distances weighted by ALiBi, its class's settings and those that only its code has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import embedding, optional, output
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import Names, gpt_layer
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    CAUSAL_KEY,
    HEADS_KEY,
    NORM_EPSILON_KEY,
    WIDTH_KEY,
    context_key,
    heads,
    width,
)
from quantcli.arch.relations import (
    PLAIN,
    rows_of,
    tied_remark,
    vocabulary_remark,
    whole_heads,
    without,
)

_NAMES = Names("norm_1", "attn.Wqkv", "attn.out_proj", "norm_2", "ffn.up_proj", "ffn.down_proj")
# The class computes with this one whatever the config says.
_ALIBI_MAX = 8


def _attention(facts: Facts, name: str, default: Any = None) -> Any:
    """Return a setting of the attention, which has an object of its own."""
    settings = facts.get("attn_config")
    return settings.get(name, default) if isinstance(settings, dict) else default


def _setting(name: str, *values: Any) -> Implements:
    return Implements(f"attn_config.{name}", values, lambda facts: _attention(facts, name))


def _heads_kv(facts: Facts) -> int:
    kind = _attention(facts, "attn_type")
    if kind == "multiquery_attention":
        return 1
    groups = _attention(facts, "kv_n_heads")
    return groups if isinstance(groups, int) and kind == "grouped_query_attention" else heads(facts)


def _alibi_max(facts: Facts) -> float:
    """Return the largest ALiBi weight's exponent, 0 for none."""
    if not _attention(facts, "alibi", default=True):
        return 0.0
    return float(_attention(facts, "alibi_bias_max", _ALIBI_MAX))


def _alibi_remark(facts: Facts) -> Iterable[str]:
    if _alibi_max(facts) not in (0.0, _ALIBI_MAX):
        yield (
            f"alibi_bias_max is {_alibi_max(facts):g}, as the model's own code and llama.cpp have "
            f"it; transformers' class computes with {_ALIBI_MAX}"
        )


def _grouped(facts: Facts) -> int | None:
    return _heads_kv(facts) if _heads_kv(facts) != heads(facts) else None


def _positions(facts: Facts) -> int:
    return facts.integer("max_seq_len")


_INNER = rows_of("blocks.0.ffn.up_proj.weight")

MPT = Architecture(
    name="mpt",
    hf=("MPTForCausalLM", "MptForCausalLM"),
    vocab="auto",
    keys=(
        context_key("max_seq_len"),
        WIDTH_KEY,
        BLOCK_COUNT_KEY,
        Key("{arch}.feed_forward_length", "uint32", derive=_INNER, at_least=1),
        HEADS_KEY,
        Key("{arch}.attention.head_count_kv", "uint32", derive=_grouped, at_least=1),
        NORM_EPSILON_KEY,
        Key(
            "{arch}.attention.clamp_kqv",
            "float32",
            derive=lambda facts: _attention(facts, "clip_qkv"),
            above=0,
        ),
        Key("{arch}.attention.max_alibi_bias", "float32", derive=_alibi_max),
        CAUSAL_KEY,
    ),
    globals=(
        *embedding("wte"),
        optional("position_embd.weight", "wpe.weight", shape=(_positions, width)),
        *output("norm_f", embedding="wte", norm_bias=True),
    ),
    layers=(
        Stack(
            (
                *gpt_layer(_NAMES, inner=_INNER, kv=_heads_kv, bias=True),
                optional("attn_q_norm.weight", "attn.q_ln.weight", shape=(width,)),
                optional("attn_q_norm.bias", "attn.q_ln.bias", shape=(width,)),
                optional("attn_k_norm.weight", "attn.k_ln.weight", shape=(width,)),
                optional("attn_k_norm.bias", "attn.k_ln.bias", shape=(width,)),
            ),
            "blocks.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    graph=(
        _setting("softmax_scale", None),
        _setting("prefix_lm", False, None),
        _setting("rope", False, None),
        _setting("attn_uses_sequence_id", False, None),
        Implements("norm_type", ("low_precision_layernorm", "layernorm")),
        without("logit_scale"),
        *PLAIN,
    ),
    checks=(whole_heads,),
    remarks=(_alibi_remark, tied_remark, vocabulary_remark("wte.weight")),
    # Of training; the tensors tell whether there are biases, positions, and the inner width.
    ignored_fields=(
        "expansion_ratio",
        "no_bias",
        "learned_pos_emb",
        "embedding_fraction",
        "init_*",
        "ffn_config",
        "verbose",
    ),
)
