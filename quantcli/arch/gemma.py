"""What Gemma's generations share: norms around both halves of a layer, capped logits, the scale.

The graphs scale the embedding by the root of the width, use the embedding as output layer, and
scale queries by a number that they take from the sizes.
"""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Check, Count, Implements, Key, Row, Value
from quantcli.arch.blocks import attention, norm, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    LAYERS,
    head_dim,
    heads,
    inner,
    width,
)
from quantcli.arch.relations import GELU, vocabulary_remark, without
from quantcli.arch.rope import sparing

# The cap of a model without one: c tanh(x / c) is x in float32, for every logit that occurs.
_UNCAPPED = 2.0**60

GEMMA_KEYS: tuple[Key, ...] = sparing(DECODER_KEYS)
GELU_GATE = Implements("hidden_activation", GELU)
# The projections of the runtime's attention have no biases together, and tokens see what is before.
GEMMA_GRAPH: tuple[Implements, ...] = (
    without("attention_bias"),
    without("use_bidirectional_attention"),
)
# The graph has no other output layer than the embedding.
EMBEDDING_ONLY = Implements("tie_word_embeddings", (True,))


def _head_remark(facts: Facts) -> Iterable[str]:
    if facts.shape("lm_head.weight"):
        yield "lm_head.weight is left out: llama.cpp's graph takes the embedding in its place"


GEMMA_CHECKS: tuple[Check, ...] = DECODER_CHECKS
GEMMA_REMARKS: tuple[Check, ...] = (_head_remark, vocabulary_remark("embed_tokens.weight"))


def sandwich(size: Count = inner) -> tuple[Row, ...]:
    """Return a layer's rows with norms before and after the attention and the feed-forward.

    Args:
        size: the inner length of the feed-forward.
    """
    return (
        *attention(),
        norm("post_attention_norm", "post_attention_layernorm"),
        *swiglu(norm_source="pre_feedforward_layernorm", size=size),
        norm("post_ffw_norm", "post_feedforward_layernorm"),
    )


def cap_key(name: str, field: str) -> Key:
    """Return the key of a cap on logits that the graph always applies, harmless without one."""

    def cap(facts: Facts) -> Value | None:
        value: Value | None = facts.get(field)
        return _UNCAPPED if value is None else value

    return Key(name, "float32", derive=cap, above=0)


FINAL_CAP = "final_logit_softcapping"
FINAL_CAP_KEY = Key("{arch}.final_logit_softcapping", "float32", (FINAL_CAP,), above=0)


def query_scale(largest: int | None = None) -> Implements:
    """Return the row of the number whose root divides the queries.

    Args:
        largest: number of layers of the model whose graph takes the width over the heads instead
            of the length of a head.
    """

    def graph(facts: Facts) -> tuple[int, ...]:
        wide = largest is not None and facts.integer(*LAYERS) == largest
        return (width(facts) // max(1, heads(facts)) if wide else head_dim(facts),)

    return Implements("query_pre_attn_scalar", graph)
