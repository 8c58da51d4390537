"""Falcon: the 7B with one key head, the 40B with groups and two norms, and their first release."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import affine, embedding, optional, output, row
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import fused, gpt_keys, kv_key, wide
from quantcli.arch.keys import CONTEXT, context_key, heads, width
from quantcli.arch.relations import (
    GELU,
    PLAIN,
    tied_remark,
    vocabulary_remark,
    whole_heads,
    without,
)
from quantcli.arch.rope import ROPE_KEYS, rotary, rotary_problems, sparing

_GROUPS = ("num_kv_heads", "n_head_kv")
_EMBEDDING = "word_embeddings.weight"


def _heads_kv(facts: Facts) -> int:
    """Return the number of key heads, whose field counts in the new decoder only."""
    # The first release of the 40B has the new decoder without a word about it.
    first = facts.get("n_head_kv") is not None
    if first or facts.get("new_decoder_architecture"):
        return facts.integer(*_GROUPS) if facts.get(*_GROUPS) is not None else heads(facts)
    facts.get(*_GROUPS)
    return 1 if facts.get("multi_query") else heads(facts)


def _attention_norm(facts: Facts) -> bool:
    """Tell whether the attention has a norm of its own."""
    return facts.has("h.{n}.ln_attn.weight")


_INNER = wide("ffn_hidden_size")

FALCON = Architecture(
    name="falcon",
    hf=("FalconForCausalLM", "RWForCausalLM"),
    vocab="auto",
    keys=(
        *gpt_keys(context_key(*CONTEXT), kv_key(_heads_kv), "ffn_hidden_size"),
        Key("{arch}.tensor_data_layout", "string", derive=lambda facts: "jploski"),
        *sparing(ROPE_KEYS),
    ),
    globals=(
        *embedding("word_embeddings"),
        *output("ln_f", embedding="word_embeddings", norm_bias=False),
    ),
    layers=(
        Stack(
            (
                # The feed-forward's norm, which is the attention's too where that has none.
                *affine("attn_norm", "input_layernorm", shape=(width,)),
                *fused("self_attention.query_key_value", kv=_heads_kv, by_head=True)[:1],
                row("attn_output.weight", "self_attention.dense.weight", shape=(width, width)),
                row("ffn_up.weight", "mlp.dense_h_to_4h.weight", shape=(_INNER, width)),
                row("ffn_down.weight", "mlp.dense_4h_to_h.weight", shape=(width, _INNER)),
                optional("attn_norm_2.weight", "ln_attn.weight", shape=(width,)),
                optional("attn_norm_2.bias", "ln_attn.bias", shape=(width,)),
            ),
            "h.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    # The 40B's norm of the feed-forward, under the 7B's name of the same.
    suffixes=(
        (".ln_mlp.weight", ".input_layernorm.weight"),
        (".ln_mlp.bias", ".input_layernorm.bias"),
    ),
    # The first release's class was remote code.
    defaults={
        kind: {"max_position_embeddings": 2048} for kind in ("RefinedWeb", "RefinedWebModel")
    },
    graph=(
        Implements("activation", GELU),
        without("alibi"),
        without("bias"),
        Implements("parallel_attn", (True, None)),
        *rotary(),
        *PLAIN,
    ),
    checks=(whole_heads, rotary_problems),
    remarks=(tied_remark, vocabulary_remark(_EMBEDDING)),
    ignored_fields=("num_ln_in_parallel_attn", "apply_residual_connection_post_layernorm"),
)
