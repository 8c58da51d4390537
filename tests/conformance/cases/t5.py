"""T5 and its successors: gated or not, outputs scaled or not, a bias in one layer or in each."""

from __future__ import annotations

from conformance.case import Case

SMALL = {"d_model": 64, "d_ff": 96, "d_kv": 16, "num_layers": 2, "num_heads": 4}
GATED = {**SMALL, "feed_forward_proj": "gated-gelu"}
UNSCALED = {**GATED, "tie_word_embeddings": False}
T5 = {"tokenizer": "unigram", "kind": "encoder-decoder"}
START = "it reads decoder_start_token_id, which the class leaves to the padding"
SCALE = {"^output.weight": "T5's outputs are scaled by the width's root, which the graph lacks"}

CASES = (
    Case("first", "T5ForConditionalGeneration", SMALL, **T5, peer_fails=START),
    Case(
        "start_token",
        "T5ForConditionalGeneration",
        {**SMALL, "num_decoder_layers": 1},
        **T5,
        changes={"decoder_start_token_id": 0, "scale_decoder_outputs": None},
        peer_differs=SCALE,
    ),
    Case(
        "gated",
        "T5ForConditionalGeneration",
        UNSCALED,
        **T5,
        changes={
            "decoder_start_token_id": 0,
            "scale_decoder_outputs": None,
            "tie_word_embeddings": False,
        },
    ),
    Case(
        "untied",
        "T5ForConditionalGeneration",
        UNSCALED,
        **T5,
        layout="stacked",
        extra={"lm_head.weight": (41, 64)},
        changes={"decoder_start_token_id": 0},
    ),
    Case("mt5", "MT5ForConditionalGeneration", {**GATED, "num_decoder_layers": 1}, **T5),
    Case("umt5", "UMT5ForConditionalGeneration", UNSCALED, **T5),
    Case("umt5_scaled", "UMT5ForConditionalGeneration", GATED, **T5, peer_differs=SCALE),
    Case(
        "long_decoder",
        "T5ForConditionalGeneration",
        {**SMALL, "num_decoder_layers": 3},
        **T5,
        refused="num_decoder_layers is 3",
    ),
    Case(
        "silu",
        "T5ForConditionalGeneration",
        {**SMALL, "feed_forward_proj": "gated-silu"},
        **T5,
        refused="feed_forward_proj",
    ),
    Case(
        "distance",
        "T5ForConditionalGeneration",
        {**SMALL, "relative_attention_max_distance": 64},
        **T5,
        refused="relative_attention_max_distance",
    ),
)
