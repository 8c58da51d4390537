"""The tokenizer of decoders such as Llama and Qwen, which may be of several kinds."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.tokenizer.auto import auto_keys
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.spm import ADD_SPACE_PREFIX
from quantcli.tokenizer.vocabulary import Key

CODE_LLAMA_EOT = "\u2581<EOT>"
GRANITE_SIZE = 49152
"""A vocabulary of this size is StarCoder's, as Granite and SmolLM use it: no bos token."""
_TOKENS = "tokenizer.ggml.tokens"


def llama_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a Llama checkpoint's tokenizer.

    The kind is found as by `auto_keys`. llama.cpp's rules for single vocabularies follow: the end
    of turn of CodeLlama, and add_bos_token false said for Granite's.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name of the pre-tokenizer, or None to detect it.

    Raises:
        TokenizerError: as the exporters of the kinds.
    """
    keys = auto_keys(files, rows, config, pre)
    values = {name: value for name, _, value in keys}
    if files.setting("add_prefix_space") is False and ADD_SPACE_PREFIX not in values:
        # Says what is so anyway for byte-level BPE; the reference converter has it in this place.
        keys.insert(0, (ADD_SPACE_PREFIX, "bool", False))
    tokens = values[_TOKENS]
    assert isinstance(tokens, tuple)  # by the type of the key's value
    if CODE_LLAMA_EOT in tokens and "tokenizer.ggml.eot_token_id" not in values:
        keys.append(("tokenizer.ggml.eot_token_id", "uint32", tokens.index(CODE_LLAMA_EOT)))
    if config.get("vocab_size") == GRANITE_SIZE and "tokenizer.ggml.add_bos_token" not in values:
        keys.append(("tokenizer.ggml.add_bos_token", "bool", False))
    return keys
