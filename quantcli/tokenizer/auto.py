"""Finds out what kind of tokenizer a folder holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer import character_bpe, plamo, rwkv, tekken, tiktoken
from quantcli.tokenizer.bpe import MERGES, bpe_keys
from quantcli.tokenizer.files import TOKENIZER, Files
from quantcli.tokenizer.hf_vocabulary import VOCAB_JSON, VOCAB_TXT
from quantcli.tokenizer.spm import is_spm_json, leave_model_aside, model_file, spm_keys
from quantcli.tokenizer.unigram import OTHER_FILES, unigram_keys
from quantcli.tokenizer.vocabulary import Key
from quantcli.tokenizer.wordpiece import wordpiece_keys

Exporter = Callable[[Files, "int | None", Mapping[str, object], "str | None"], list[Key]]
"""Exporter of one kind: (files, rows of the embedding, config.json, pre-tokenizer) to keys."""


def auto_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of the folder's tokenizer.

    tokenizer.json decides where there is one; else the first of the files that tokenizers without
    one have.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name of the pre-tokenizer, or None to detect it.

    Raises:
        TokenizerError: there is no tokenizer in the folder, or as the exporters of the kinds.
    """
    exporter = _by_other_file(files) if files.tokenizer is None else _by_json(files, pre)
    return exporter(files, rows, config, pre)


def _by_json(files: Files, pre: str | None) -> Exporter:
    kind, vocab = files.model().get("type"), files.model().get("vocab")
    if pre in character_bpe.NAMES:
        leave_model_aside(files)
        return character_bpe.character_keys
    if is_spm_json(files):
        if not isinstance(vocab, dict) or character_bpe.character_pre(files, vocab) is None:
            return spm_keys
        leave_model_aside(files)
        return character_bpe.character_keys
    leave_model_aside(files)
    if character_bpe.splits_at_spaces(files):
        return character_bpe.whitespace_keys
    if kind == "WordPiece":
        return wordpiece_keys
    return unigram_keys if kind == "Unigram" else bpe_keys


def _by_other_file(files: Files) -> Exporter:
    def has(*names: str) -> bool:
        return any((files.root / name).is_file() for name in names)

    if has(tekken.FILE):
        return tekken.tekken_keys
    if tiktoken.find(files) is not None:
        return tiktoken.tiktoken_keys
    if model_file(files) is not None:
        return unigram_keys  # which takes the BPE of a `tokenizer.model` as well
    for names, exporter in (
        (OTHER_FILES, unigram_keys),
        ((rwkv.FILE,), rwkv.rwkv_keys),
        ((plamo.FILE,), plamo.plamo_keys),
        ((VOCAB_JSON, MERGES), bpe_keys),
        ((VOCAB_TXT,), wordpiece_keys),
    ):
        if has(*names):
            return exporter
    raise TokenizerError(
        "has no tokenizer's files",
        where=str(files.root),
        hint=f"Put {TOKENIZER} and tokenizer_config.json of the model's tokenizer beside "
        "config.json. (Mamba's first models take EleutherAI's gpt-neox-20b, OpenELM Llama 2's.)",
    )
