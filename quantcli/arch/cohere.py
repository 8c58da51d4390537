"""What Cohere's generations share: one norm a layer, scaled logits, the embedding as output."""

from __future__ import annotations

from quantcli.arch.architecture import Check, Implements, Key
from quantcli.arch.decoders import DECODER_CHECKS, decoder_graph
from quantcli.arch.relations import heads_fill_the_width, vocabulary_remark, without

LOGIT_SCALE_KEY = Key("{arch}.logit_scale", "float32", ("logit_scale",), required=True, above=0)
COHERE_GRAPH: tuple[Implements, ...] = (
    *decoder_graph(),
    without("attention_bias"),
    Implements("tie_word_embeddings", (True,)),
)
COHERE_CHECKS: tuple[Check, ...] = (*DECODER_CHECKS, heads_fill_the_width)
COHERE_REMARKS: tuple[Check, ...] = (vocabulary_remark("embed_tokens.weight"),)
