"""Tokens that ask for text between two others, where llama.cpp does not know them by their text."""

from __future__ import annotations

from quantcli.tokenizer.vocabulary import Key, TokenType, Vocabulary

_KNOWN = {
    "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
    "<|code_prefix|>", "<|prefix|>", "<|plamo:fim_prefix|>",
}  # fmt: skip
"""Texts that the loader takes for the token before what stands in front."""
_OTHERS = (
    ("[PREFIX]", "[SUFFIX]", "[MIDDLE]"),  # Codestral
    ("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"),  # Seed-Coder
    ("<|fim_begin|>", "<|fim_hole|>", "<|fim_end|>"),
)
"""Further spellings: before the text in front, before the text behind, before the answer."""
_KINDS = ("fim_pre", "fim_suf", "fim_mid")


def fill_in_keys(vocab: Vocabulary) -> list[Key]:
    """Return the keys of a vocabulary's fill-in-the-middle tokens, none where llama.cpp knows them.

    Args:
        vocab: the finished vocabulary.
    """
    if not _KNOWN.isdisjoint(vocab.ids):
        return []
    for texts in _OTHERS:
        ids = [vocab.ids.get(text, -1) for text in texts]
        if all(i >= 0 and vocab.types[i] == TokenType.CONTROL for i in ids):
            return [
                (f"tokenizer.ggml.{kind}_token_id", "uint32", i)
                for kind, i in zip(_KINDS, ids, strict=True)
            ]
    return []
