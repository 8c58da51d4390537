"""T5, Flan-T5, MT5 and UMT5: an encoder and a decoder that reads it.

Longer than most: two stacks, and an output layer that is scaled, tied, or neither.
"""

from __future__ import annotations

from quantcli.arch import t5
from quantcli.arch.architecture import Architecture, Implements, Key, Row, Stack
from quantcli.arch.blocks import norm, optional
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, width
from quantcli.arch.relations import vocabulary_remark


def _layers(facts: Facts) -> int:
    return facts.integer(*LAYERS)


def _decoder_layers(facts: Facts) -> int:
    """Return the number of the decoder's blocks; as many as the encoder's unless said."""
    said = facts.get("num_decoder_layers")
    return _layers(facts) if said is None else facts.integer("num_decoder_layers")


def _start_token(facts: Facts) -> int | None:
    """Return the token that the decoder begins with; without a word the class takes the padding."""
    token = facts.get("decoder_start_token_id")
    start: int | None = token if token is not None else facts.get("pad_token_id")
    return start


def _scaled(facts: Facts) -> bool:
    """Tell whether the decoder's states are multiplied by width^-0.5 before the output layer.

    The first T5 does. Its successors say that they do not by tie_word_embeddings, whatever is tied.
    """
    if facts.hf.startswith("MT5"):
        return False
    said = facts.get("scale_decoder_outputs")
    return facts.config.get("tie_word_embeddings") is not False if said is None else bool(said)


def _scale(facts: Facts) -> float:
    return float(width(facts)) ** -0.5 if _scaled(facts) else 1.0


def _scaled_embedding(facts: Facts) -> bool:
    """Tell whether the embedding must be written again as output layer, because that is scaled."""
    generates = "ForConditionalGeneration" in facts.hf or "LMHead" in facts.hf
    return generates and _scaled(facts) and not facts.has("lm_head.weight")


# The runtime's graph has no scale; a factor on the states is one on the output layer.
_OUTPUT: tuple[Row, ...] = (
    Row("output.weight", ("shared.weight",), "multiply", (_scale,), when=_scaled_embedding),
    Row("output.weight", ("lm_head.weight",), "multiply", (_scale,), when=_scaled, optional=True),
    optional("output.weight", "lm_head.weight", when=lambda facts: not _scaled(facts)),
)

T5 = Architecture(
    name="t5",
    hf=(
        "T5ForConditionalGeneration",
        "T5WithLMHeadModel",
        "T5Model",
        "MT5ForConditionalGeneration",
        "MT5Model",
        "UMT5ForConditionalGeneration",
        "UMT5Model",
    ),
    vocab="auto",
    keys=(
        *t5.ENCODER_SIZE_KEYS,
        Key("{arch}.decoder_block_count", "uint32", derive=_decoder_layers, at_least=1),
        *t5.ATTENTION_KEYS,
        Key("{arch}.decoder_start_token_id", "uint32", derive=_start_token, required=True),
    ),
    globals=(
        *t5.EMBEDDING,
        norm("enc.output_norm", "encoder.final_layer_norm"),
        norm("dec.output_norm", "decoder.final_layer_norm"),
        *_OUTPUT,
    ),
    layers=(
        Stack((*t5.self_attention(), *t5.feed_forward(1)), "encoder.block.{n}.", "enc.blk.{n}."),
        Stack(
            (
                *t5.self_attention(),
                *t5.attention("EncDecAttention", "cross_attn", layer=1),
                *t5.feed_forward(2),
            ),
            "decoder.block.{n}.",
            "dec.blk.{n}.",
            count=_decoder_layers,
        ),
    ),
    prefixes=(),
    # Old releases store a bias by distance for the attention to the encoder; no class reads it.
    ignored=(*t5.IGNORED, "decoder.block.*.EncDecAttention.relative_attention_bias.weight"),
    defaults=t5.DEFAULTS,
    graph=(
        *t5.GRAPH,
        Implements(
            "num_decoder_layers",
            lambda facts: (None, *range(_layers(facts) + 1)),
            hint="llama.cpp has room for the keys of as many layers as the encoder has.",
        ),
    ),
    remarks=(vocabulary_remark("shared.weight"),),
    ignored_fields=t5.IGNORED_FIELDS,
)
