"""The encoder of T5, MT5 and UMT5 by itself, as text-to-image models and embedders use it."""

from __future__ import annotations

from quantcli.arch import t5
from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import norm
from quantcli.arch.relations import vocabulary_remark
from quantcli.arch.sentence import POOLING_KEY

T5ENCODER = Architecture(
    name="t5encoder",
    hf=("T5EncoderModel", "MT5EncoderModel", "UMT5EncoderModel"),
    vocab="auto",
    keys=(
        *t5.ENCODER_SIZE_KEYS,
        *t5.ATTENTION_KEYS,
        # Without it the runtime's embedding tools, which call llama_decode, hide what follows.
        Key("{arch}.attention.causal", "bool", derive=lambda facts: False),
        POOLING_KEY,
    ),
    globals=(*t5.EMBEDDING, norm("enc.output_norm", "encoder.final_layer_norm")),
    layers=(
        Stack((*t5.self_attention(), *t5.feed_forward(1)), "encoder.block.{n}.", "enc.blk.{n}."),
    ),
    prefixes=(),
    # A checkpoint of the whole model may be loaded by the encoder's class.
    ignored=(*t5.IGNORED, "decoder.*", "lm_head.weight"),
    defaults=t5.DEFAULTS,
    graph=t5.GRAPH,
    remarks=(vocabulary_remark("shared.weight"),),
    ignored_fields=(*t5.IGNORED_FIELDS, "num_decoder_layers", "tie_*", "scale_decoder_outputs"),
)
