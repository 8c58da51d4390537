"""MPT: distances weighted by ALiBi, its class's settings and those that only its code has.

Longer than most: beside the class of transformers it covers what the model's own code can do.
"""

from __future__ import annotations

from collections.abc import Iterable

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
_AT = "attn_config"
# transformers' class computes with this one whatever the config says.
_ALIBI_MAX = 8
_INNER = rows_of("blocks.0.ffn.up_proj.weight")


def _heads_kv(facts: Facts) -> int:
    kind, groups = facts.get(f"{_AT}.attn_type"), f"{_AT}.kv_n_heads"
    if kind == "grouped_query_attention" and facts.get(groups) is not None:
        return facts.integer(groups)
    return 1 if kind == "multiquery_attention" else heads(facts)


def _alibi_max(facts: Facts) -> float:
    """Return the largest exponent of ALiBi's weights, 0 for none."""
    return facts.number(f"{_AT}.alibi_bias_max") if facts.get(f"{_AT}.alibi") else 0.0


def _alibi_remark(facts: Facts) -> Iterable[str]:
    if _alibi_max(facts) not in (0.0, _ALIBI_MAX):
        yield (
            f"alibi_bias_max is {_alibi_max(facts):g}, as the model's own code and llama.cpp have "
            f"it; transformers' class computes with {_ALIBI_MAX}"
        )


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
        Key("{arch}.attention.head_count_kv", "uint32", (f"{_AT}.kv_n_heads",), at_least=1),
        NORM_EPSILON_KEY,
        Key("{arch}.attention.clamp_kqv", "float32", (f"{_AT}.clip_qkv",), above=0),
        Key("{arch}.attention.max_alibi_bias", "float32", derive=_alibi_max),
        CAUSAL_KEY,
    ),
    globals=(
        *embedding("wte"),
        optional("position_embd.weight", "wpe.weight", shape=(None, width)),
        *output("norm_f", embedding="wte", norm_bias=True),
    ),
    layers=(
        Stack(
            (
                *gpt_layer(_NAMES, inner=_INNER, kv=_heads_kv, bias=True),
                *(
                    optional(f"attn_{part}_norm.{kind}", f"attn.{part}_ln.{kind}")
                    for part in "qk"
                    for kind in ("weight", "bias")
                ),
            ),
            "blocks.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    defaults={"mpt": {_AT: {"alibi": True, "alibi_bias_max": _ALIBI_MAX}}},
    graph=(
        Implements(f"{_AT}.softmax_scale", (None,)),
        *(without(f"{_AT}.{name}") for name in ("prefix_lm", "rope", "attn_uses_sequence_id")),
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
        f"{_AT}.attn_impl",
        f"{_AT}.qk_ln",
        *(f"{_AT}.{name}" for name in ("id2label", "label2id", "return_dict")),
        "verbose",
    ),
)
