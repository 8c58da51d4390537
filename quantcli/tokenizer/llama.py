"""The tokenizer of LlamaForCausalLM checkpoints, which may be of three kinds."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.tokenizer.bpe import bpe_keys
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.spm import ADD_SPACE_PREFIX, has_model, spm_keys
from quantcli.tokenizer.spm_json import is_spm_json, spm_json_keys
from quantcli.tokenizer.vocabulary import Key

CODE_LLAMA_SIZE, CODE_LLAMA_EOT = 32016, 32010
GRANITE_SIZE = 49152
"""A vocabulary of this size is StarCoder's, as Granite and SmolLM use it: no bos token."""


def llama_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a Llama checkpoint's tokenizer.

    Tried in the order of llama.cpp's converter: SentencePiece in tokenizer.model, SentencePiece
    exported to tokenizer.json, byte-level BPE. Its rules for single vocabularies follow: the end
    of turn of CodeLlama, no bos for Granite's.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name of the pre-tokenizer, or None to detect it.

    Raises:
        TokenizerError: as the three exporters.
    """
    keys: list[Key] = []
    prefix = files.settings.get("add_prefix_space")
    if isinstance(prefix, bool):
        keys.append((ADD_SPACE_PREFIX, "bool", prefix))
    if has_model(files):
        keys += spm_keys(files, rows, config, pre)
    elif is_spm_json(files):
        keys += spm_json_keys(files, rows, config, pre)
    else:
        keys += bpe_keys(files, rows, config, pre)
    if config.get("vocab_size") == CODE_LLAMA_SIZE:
        _put(keys, ("tokenizer.ggml.eot_token_id", "uint32", CODE_LLAMA_EOT))
    if config.get("vocab_size") == GRANITE_SIZE:
        _put(keys, ("tokenizer.ggml.add_bos_token", "bool", False))
    return keys


def auto_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of the tokenizer in tokenizer.model when there is one, else byte-level BPE.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name of the pre-tokenizer, or None to detect it.

    Raises:
        TokenizerError: as the two exporters.
    """
    return (spm_keys if has_model(files) else bpe_keys)(files, rows, config, pre)


def _put(keys: list[Key], key: Key) -> None:
    """Set a key where it stands, or at the end."""
    for i, (name, _, _) in enumerate(keys):
        if name == key[0]:
            keys[i] = key
            return
    keys.append(key)
