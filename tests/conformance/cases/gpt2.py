"""GPT-2."""

from __future__ import annotations

from conformance.case import Case

SMALL = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128}

N_CTX = "it reads n_ctx, which configs of today do not have"

CASES = (
    Case("tied", "GPT2LMHeadModel", SMALL, peer_fails=N_CTX),
    Case("with_n_ctx", "GPT2LMHeadModel", SMALL, changes={"n_ctx": 128}),
    Case(
        "untied",
        "GPT2LMHeadModel",
        {**SMALL, "tie_word_embeddings": False},
        changes={"n_ctx": 128},
    ),
    Case("states", "GPT2Model", SMALL, kind="states", peer_fails="it has no place for the class"),
    Case(
        "scaled_by_layer",
        "GPT2LMHeadModel",
        {**SMALL, "scale_attn_by_inverse_layer_idx": True},
        refused="scale_attn_by_inverse_layer_idx",
    ),
    Case("inner_width", "GPT2LMHeadModel", {**SMALL, "n_inner": 96}, peer_fails=N_CTX),
)
