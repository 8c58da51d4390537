"""EuroBERT: a Llama whose tokens see those after them."""

from __future__ import annotations

from quantcli.arch import encoders
from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, decoder_graph
from quantcli.arch.keys import HEAD_KEYS, RMS_EPSILON_KEY, SIZE_KEYS, head_dim, heads
from quantcli.arch.relations import heads_fill_the_width, vocabulary_remark, without
from quantcli.arch.rope import ROPE_KEYS, said_type
from quantcli.arch.sentence import POOLING_KEY

EUROBERT = Architecture(
    name="eurobert",
    hf=("EuroBertModel", "EuroBertForMaskedLM", "JinaEmbeddingsV5Model"),
    vocab="auto",
    keys=(
        *SIZE_KEYS,
        *HEAD_KEYS,
        *said_type(ROPE_KEYS),
        RMS_EPSILON_KEY,
        encoders.BOTH_WAYS_KEY,
        POOLING_KEY,
    ),
    globals=(*EMBEDDING, *OUTPUT[:1]),
    layers=(Stack((*attention(), *swiglu())),),
    ignored=("lm_head.*",),
    defaults={"eurobert": {"num_key_value_heads": heads, "head_dim": head_dim}},
    graph=(*decoder_graph(), without("attention_bias"), without("mlp_bias")),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=(vocabulary_remark("embed_tokens.weight"),),
    ignored_fields=("classifier_pooling", "tie_word_embeddings"),
)
