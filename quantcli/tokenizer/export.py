"""Turns a checkpoint's tokenizer into the tokenizer.* keys of a GGUF file.

The kind that an architecture's table names, and what decides then:

| kind | what it takes |
|---|---|
| auto | any tokenizer: the folder's files decide (`auto.py`); what a table has by default |
| llama | any, with what llama.cpp's converter adds for LlamaForCausalLM and its descendants |
| glm | any, with the names of GLM-4.5's special tokens where no file has them |
| glm4 | any, with those of GLM-4, ChatGLM and GLM-Edge |
| bpe | byte-level BPE: tokenizer.json, or vocab.json with merges.txt |
| spm | SentencePiece BPE: tokenizer.json or tokenizer.model |
| wordpiece | WordPiece: tokenizer.json or vocab.txt |
| unigram | SentencePiece Unigram: tokenizer.json or a model of SentencePiece |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from quantcli.errors import TokenizerError
from quantcli.tokenizer.auto import Exporter, auto_keys
from quantcli.tokenizer.bpe import bpe_keys
from quantcli.tokenizer.detection import checked_name
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.glm import GLM, GLM4, named
from quantcli.tokenizer.llama import llama_keys
from quantcli.tokenizer.spm import spm_keys
from quantcli.tokenizer.unigram import unigram_keys
from quantcli.tokenizer.vocabulary import Key
from quantcli.tokenizer.wordpiece import wordpiece_keys


@dataclass(frozen=True, slots=True)
class TokenizerExport:
    """A tokenizer as GGUF keys.

    Attributes:
        keys: full key, value type name, value, in the order llama.cpp's converter writes them;
            arrays are tuples of plain Python values.
        model: value of tokenizer.ggml.model.
        pre: value of tokenizer.ggml.pre, empty for a kind that has none.
        size: number of ids, equal to the embedding's rows when those are known.
        files: names of the files read, relative to the model's folder.
        notes: decisions worth telling the user.
    """

    keys: tuple[Key, ...]
    model: str
    pre: str
    size: int
    files: tuple[str, ...]
    notes: tuple[str, ...]


KINDS: dict[str, Exporter] = {
    "auto": auto_keys,
    "llama": llama_keys,
    "glm": named(GLM),
    "glm4": named(GLM4),
    "bpe": bpe_keys,
    "spm": spm_keys,
    "wordpiece": wordpiece_keys,
    "unigram": unigram_keys,
}
"""Tokenizer kind, as architecture tables name it, to its exporter."""


def export(
    root: Path,
    kind: str,
    *,
    rows: int | None,
    config: Mapping[str, object],
    pre: str | None = None,
) -> TokenizerExport:
    """Return the tokenizer of the model in `root` as GGUF keys.

    Args:
        root: the model's folder.
        kind: one of `KINDS`.
        rows: rows of the embedding, to which the vocabulary is padded; None to take config.json's
            vocab_size or the tokenizer's own size.
        config: the object in config.json.
        pre: llama.cpp's name of the pre-tokenizer, or None to detect it.

    Raises:
        TokenizerError: a file is missing or malformed, the base vocabulary has more ids than
            `rows`, a special token is missing without which the tokenizer cannot run, or the
            pre-tokenizer is unknown.
    """
    if kind not in KINDS:
        raise TokenizerError(f"unknown tokenizer kind {kind!r}; known: {', '.join(KINDS)}")
    files = Files(root)
    name = None if pre is None else checked_name(pre)
    try:
        keys = KINDS[kind](files, rows, config, name)
    except RecursionError as error:
        raise files.malformed("its parts are nested too deeply") from error
    values = {key: value for key, _, value in keys}
    tokens = values["tokenizer.ggml.tokens"]
    assert isinstance(tokens, tuple)  # by the type of the keys' value
    return TokenizerExport(
        keys=tuple(keys),
        model=str(values["tokenizer.ggml.model"]),
        pre=str(values.get("tokenizer.ggml.pre", "")),
        size=len(tokens),
        files=files.names,
        notes=files.notes,
    )
