"""Mistral's own format: the names of its tensors in Llama's words, its heads stored as pairs."""

from __future__ import annotations

from quantcli.arch.architecture import Row
from quantcli.arch.blocks import paired, switched
from quantcli.arch.facts import Facts
from quantcli.checkpoint.consolidated import CLASS

CONSOLIDATED = CLASS
MISTRAL_RENAMES: tuple[tuple[str, str], ...] = (
    (".tok_embeddings.", ".embed_tokens."),
    (".attention.wq.", ".self_attn.q_proj."),
    (".attention.wk.", ".self_attn.k_proj."),
    (".attention.wv.", ".self_attn.v_proj."),
    (".attention.wo.", ".self_attn.o_proj."),
    (".attention_norm.", ".input_layernorm."),
    (".ffn_norm.", ".post_attention_layernorm."),
    (".feed_forward.", ".mlp."),
    (".output.", ".lm_head."),
    # So are the experts of Mixtral called in transformers' format too.
    (".block_sparse_moe.", ".mlp."),
    (".w1.", ".gate_proj."),
    (".w2.", ".down_proj."),
    (".w3.", ".up_proj."),
)


def pairs_stored(facts: Facts) -> bool:
    """Tell whether pairs of a head are turned as they are stored, not its halves."""
    return facts.hf.startswith((CONSOLIDATED, "Helium"))


def halves_stored(facts: Facts) -> bool:
    """Tell whether the halves of a head are turned, as in transformers' Llama."""
    return not pairs_stored(facts)


def either_stored(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return `attention` rows for a runtime that turns pairs, whatever the checkpoint stores."""
    return (*switched(paired(rows), halves_stored), *switched(rows, pairs_stored))
