"""T5's encoder alone."""

from __future__ import annotations

from conformance.case import Case
from conformance.cases.t5 import GATED, SMALL

CLASS = "it has no place for the class"
CAUSAL = {"attention.causal": "without it llama_decode, of llama.cpp's tools, hides what follows"}
POOL = {
    "modules.json": '[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]',
    "1_Pooling/config.json": '{"pooling_mode_mean_tokens": true}',
}
STATES = {"tokenizer": "unigram", "kind": "states"}

CASES = (
    Case("plain", "T5EncoderModel", SMALL, **STATES, peer_differs=CAUSAL),
    Case("gated", "MT5EncoderModel", GATED, **STATES, peer_fails=CLASS),
    Case("bias_in_each_layer", "UMT5EncoderModel", GATED, **STATES, peer_fails=CLASS),
    Case(
        "pooled",
        "T5EncoderModel",
        GATED,
        tokenizer="unigram",
        kind="pooled",
        pooling="mean",
        files=POOL,
        peer_differs={**CAUSAL, "pooling_type": "it does not read modules.json for the class"},
    ),
    Case(
        "gelu_without_gate",
        "T5EncoderModel",
        {**SMALL, "feed_forward_proj": "gelu"},
        tokenizer="unigram",
        refused="feed_forward_proj",
    ),
)
