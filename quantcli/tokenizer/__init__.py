"""Tokenizers as GGUF keys: byte-level BPE, SentencePiece, WordPiece, Unigram."""

from __future__ import annotations

from quantcli.tokenizer.export import KINDS, TokenizerExport, export
from quantcli.tokenizer.pretokenizers import NAMES as PRETOKENIZERS

__all__ = ["KINDS", "PRETOKENIZERS", "TokenizerExport", "export"]
