"""What LFM 2 with and without experts share: attention or a short convolution in each layer."""

from __future__ import annotations

from typing import Any

from quantcli.arch.architecture import Check, Count, Implements, Key, Row
from quantcli.arch.blocks import attention, embedding, head_norms, norm, output, row, switched
from quantcli.arch.decoders import DECODER_REMARKS
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    CAUSAL_KEY,
    CONTEXT,
    HEADS_KEY,
    RMS_EPSILON_KEY,
    WIDTH_KEY,
    context_key,
    width,
)
from quantcli.arch.recurrent import both_kinds, heads_kv_key, kind_of, other, size
from quantcli.arch.relations import (
    PLAIN,
    grouped_heads,
    heads_fill_the_width,
    rows_of,
    without,
)
from quantcli.arch.rope import ROPE_KEYS, rotary, rotary_problems
from quantcli.arch.sentence import POOLING_KEY

_ATTENDS = kind_of("layer_types", "full_attention")
_WINDOW = size("conv_L_cache")


def lfm2_keys(inner: Count) -> tuple[Key, ...]:
    """Return the keys that both have; `inner` is the inner length of a dense feed-forward."""
    return (
        BLOCK_COUNT_KEY,
        context_key(*CONTEXT),
        WIDTH_KEY,
        Key("{arch}.feed_forward_length", "uint32", derive=inner, at_least=1),
        HEADS_KEY,
        heads_kv_key(_ATTENDS),
        CAUSAL_KEY,
        *ROPE_KEYS,
        RMS_EPSILON_KEY,
        POOLING_KEY,
        Key("{arch}.vocab_size", "uint32", derive=rows_of("embed_tokens.weight")),
        # The convolution looks back at least one token in the runtime.
        Key("{arch}.shortconv.l_cache", "uint32", derive=_WINDOW, at_least=2),
    )


def _thrice(facts: Facts) -> int:
    return 3 * width(facts)


# The runtime knows the last norm by the name of one on the embedding.
LFM2_GLOBALS: tuple[Row, ...] = (
    *embedding(),
    norm("token_embd_norm", "embedding_norm"),
    output()[-1],
)
LFM2_MIXER: tuple[Row, ...] = (
    norm("attn_norm", "operator_norm"),
    *switched(
        (
            *attention(names=("q_proj", "k_proj", "v_proj", "out_proj"), norm_source=""),
            *head_norms(names=("q_layernorm", "k_layernorm")),
        ),
        _ATTENDS,
    ),
    *switched(
        (
            row("shortconv.conv.weight", "conv.conv.weight", "reshape", -1, _WINDOW),
            row("shortconv.in_proj.weight", "conv.in_proj.weight", shape=(_thrice, width)),
            row("shortconv.out_proj.weight", "conv.out_proj.weight", shape=(width, width)),
        ),
        other(_ATTENDS),
    ),
    norm("ffn_norm", "ffn_norm"),
)
"""Rows of every layer but the feed-forward's."""
FEED_FORWARD = ("w1", "w3", "w2")
"""Names of gate, up and down."""

LFM2_GRAPH: tuple[Implements, ...] = (
    both_kinds("layer_types", _ATTENDS, other(_ATTENDS)),
    without("conv_bias"),
    *rotary(),
    *PLAIN,
)
LFM2_CHECKS: tuple[Check, ...] = (grouped_heads, heads_fill_the_width, rotary_problems)
LFM2_REMARKS: tuple[Check, ...] = DECODER_REMARKS
LFM2_IGNORED = ("conv_dim*", "conv_use_xavier_init", "tie_embedding", "use_pos_enc")


def layer_types(facts: Facts) -> Any:
    """Return the kinds of layers that the class derives from the list of those that attend."""
    attend = facts.get("full_attn_idxs")
    layers = range(facts.integer("num_hidden_layers"))
    return ["full_attention" if attend is None or n in attend else "conv" for n in layers]
