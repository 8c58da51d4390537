"""NeoBERT: adjacent pairs of each head rotated, gated feed-forward, RMS norms before each half."""

from __future__ import annotations

from quantcli.arch import encoders
from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import embedding, norm, row
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import fused
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    CONTEXT,
    HEADS_KEY,
    RMS_EPSILON_KEY,
    WIDTH_KEY,
    context_key,
    width,
)
from quantcli.arch.relations import PLAIN, rows_of, vocabulary_remark, whole_heads
from quantcli.arch.sentence import CLS

_UP = "transformer_encoder.0.ffn.w12.weight"


def _inner(facts: Facts) -> int:
    """Return the inner width: two thirds of what the config says, rounded up as the code does."""
    return rows_of(_UP)(facts) // 2


NEO_BERT = Architecture(
    name="neo-bert",
    hf=("NeoBERT", "NeoBERTLMHead", "NeoBERTForSequenceClassification"),
    vocab="auto",
    keys=(
        BLOCK_COUNT_KEY,
        context_key(*CONTEXT),
        WIDTH_KEY,
        Key("{arch}.feed_forward_length", "uint32", derive=_inner, at_least=1),
        HEADS_KEY,
        Key("{arch}.rope.scaling.type", "string", derive=lambda facts: "none"),
        Key("{arch}.rope.freq_base", "float32", derive=lambda facts: 10000.0),
        RMS_EPSILON_KEY,
        *encoders.encoder_keys(CLS),
    ),
    globals=(
        *embedding("encoder"),
        norm("enc.output_norm", "layer_norm"),
        *encoders.classifier("dense"),
    ),
    layers=(
        Stack(
            (
                norm("attn_norm", "attention_norm"),
                *fused("qkv", by_head=True)[:1],
                row("attn_output.weight", "wo.weight", shape=(width, width)),
                norm("ffn_norm", "ffn_norm"),
                row("ffn_up.weight", "ffn.w12.weight", shape=(rows_of(_UP), width)),
                row("ffn_down.weight", "ffn.w3.weight", shape=(width, _inner)),
            ),
            "transformer_encoder.{n}.",
        ),
    ),
    ignored=("decoder.*",),
    vocab_keys=(encoders.SEGMENTS_KEY,),
    defaults={"neobert": {"norm_eps": 1e-6, "type_vocab_size": 1}},
    graph=PLAIN,
    checks=(whole_heads, encoders.label_problems),
    remarks=(encoders.classifier_remarks, vocabulary_remark("encoder.weight")),
    ignored_fields=(*encoders.IGNORED_FIELDS, "intermediate_size", "*_init_range", "kwargs"),
)
