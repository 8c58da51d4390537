"""What Granite's models share: four multipliers, Llama's attention with optional biases."""

from __future__ import annotations

from collections.abc import Callable

from quantcli.arch.architecture import Implements, Key, Row, Value
from quantcli.arch.blocks import attention, paired
from quantcli.arch.decoders import DECODER_KEYS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, heads, lacking, width
from quantcli.arch.relations import rows_of, unless
from quantcli.arch.rope import LLAMA3, LONGROPE


def _unlike_the_width(facts: Facts) -> Value | None:
    """Return the length of a head where it does not follow from the width."""
    return None if heads(facts) * head_dim(facts) == width(facts) else head_dim(facts)


def _unless_zero(field: str) -> Callable[[Facts], Value | None]:
    return lambda facts: facts.get(field) or None


GRANITE_KEYS: tuple[Key, ...] = (
    *lacking(DECODER_KEYS, "key_length", "value_length"),
    Key("{arch}.attention.key_length", "uint32", derive=_unlike_the_width, at_least=1),
    Key("{arch}.attention.value_length", "uint32", derive=_unlike_the_width, at_least=1),
    Key("{arch}.vocab_size", "uint32", derive=rows_of("embed_tokens.weight")),
    Key("{arch}.rope.dimension_count", "uint32", derive=head_dim),
    # Without the key the graph takes the root of a head's length.
    Key("{arch}.attention.scale", "float32", ("attention_multiplier",), above=0),
    Key("{arch}.embedding_scale", "float32", derive=_unless_zero("embedding_multiplier")),
    Key("{arch}.residual_scale", "float32", derive=_unless_zero("residual_multiplier")),
    Key("{arch}.logit_scale", "float32", ("logits_scaling",), required=True, above=0),
)
_BIASES = unless("attention_bias")
GRANITE_ATTENTION: tuple[Row, ...] = paired(attention(biases=_BIASES, output_bias=_BIASES))
GRANITE_GRAPH: tuple[Implements, ...] = decoder_graph(LLAMA3, *LONGROPE)
