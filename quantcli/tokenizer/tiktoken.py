"""Tokenizers that exist as a list of tiktoken's ranks and code: Qwen, Kimi, Hunyuan, ChatGLM 4.

The file has a token in base64 and its rank on every line. How a text is split and which special
tokens there are is said by the tokenizer's class, which is code of the checkpoint and not run here:
the table holds what it says (`tokenization_*.py` of the models named).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field

from quantcli.errors import TokenizerError
from quantcli.tokenizer.added_tokens import (
    MOST,
    AddedToken,
    from_decoder,
    named_tokens,
)
from quantcli.tokenizer.classes import GENERIC, Names
from quantcli.tokenizer.files import TOKENIZER, Files
from quantcli.tokenizer.ranks import Ranks, rank_keys
from quantcli.tokenizer.sentencepiece_model import is_tiktoken
from quantcli.tokenizer.vocabulary import Key

FILES = ("tokenizer.model", "tiktoken.model")
"""Names that such a file has, beside any that ends with `SUFFIX`."""
SUFFIX = ".tiktoken"
_END = "<|endoftext|>"


@dataclass(frozen=True, slots=True)
class RankedClass:
    """What a tokenizer's class says beside its list of ranks.

    Attributes:
        pre: llama.cpp's name of the pre-tokenizer.
        special: special tokens, which have the ids after the last rank.
        gap: ids between the last rank and the first of `special`.
        reserved: how many ids after the last rank are special tokens; those that no file names are
            called `<|reserved_token_ID|>`.
        names: special token by kind where the files name none.
        around: the class puts these tokens, more than llama.cpp can add, in front of a text.
    """

    pre: str
    special: tuple[str, ...] = ()
    gap: int = 0
    reserved: int = 0
    names: Mapping[str, str] = field(default_factory=dict)
    around: str = ""


_EXTRAS = tuple(f"<|extra_{i}|>" for i in range(205))
_STARCODER = (
    *("<gh_stars>", "<filename>", "<issue_start>", "<issue_comment>", "<issue_closed>"),
    *("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>"),
    *("<empty_output>", "<commit_before>", "<commit_msg>", "<commit_after>", "<reponame>"),
)
CLASSES: dict[str, RankedClass] = {
    "QWenTokenizer": RankedClass(
        "qwen2",
        (_END, "<|im_start|>", "<|im_end|>", *_EXTRAS),
        names={"bos": _END, "eos": _END, "unk": _END},
    ),
    "HYTokenizer": RankedClass(
        "hunyuan",
        (_END, "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>", *_EXTRAS),
        names={"bos": "<|bos|>", "eos": "<|eos|>", "pad": "<|pad|>"},
    ),
    "TikTokenTokenizer": RankedClass("kimi-k2", reserved=256),
    "ChatGLM4Tokenizer": RankedClass(
        "chatglm-bpe",
        (
            *(_END, "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>"),
            *("<|assistant|>", "<|observation|>", "<|begin_of_image|>", "<|end_of_image|>"),
            *("<|begin_of_video|>", "<|end_of_video|>"),
        ),
        names={"eos": _END, "pad": _END},
        around="[gMASK]<sop>",
    ),
    "Arcade100kTokenizer": RankedClass(
        "stablelm2",
        (
            *(_END, "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"),
            *_STARCODER,
            *("<|endofprompt|>", "<|im_start|>", "<|im_end|>", "<|pause|>"),
            *(f"<|reg{i}|>" for i in range(8)),
            "<|extra0|>",
        ),
        gap=1,
        names={"bos": _END, "eos": _END, "pad": _END, "unk": _END},
    ),
}
"""Classes by name, as tokenizer_config.json has it in tokenizer_class or auto_map."""


def find(files: Files) -> str | None:
    """Return the name of the folder's file of ranks, or None when it has none."""
    names = [name for name in FILES if is_tiktoken(files.root / name)]
    names += sorted(path.name for path in files.root.glob(f"*{SUFFIX}") if path.is_file())
    return names[0] if names else None


def tiktoken_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a tokenizer that is a list of tiktoken's ranks.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name of the pre-tokenizer, or None to take the class's.

    Raises:
        TokenizerError: there is no such file, its class is unknown, a line is malformed, or the
            vocabulary is larger than the embedding.
    """
    file = find(files)
    if file is None:
        raise TokenizerError("has no list of tiktoken's ranks", where=str(files.root))
    cls = _class(files, file, pre)
    ranks = read(files, file)
    end = 1 + max(ranks.values())
    listed = dict(from_decoder(files))
    added = {
        **{
            i: AddedToken(f"<|reserved_token_{i}|>", special=True)
            for i in range(end, end + cls.reserved)
        },
        **{end + cls.gap + i: AddedToken(text, special=True) for i, text in enumerate(cls.special)},
        **listed,
    }
    if cls.around:
        files.note(
            "the tokenizer puts several tokens in front of a text, llama.cpp at most one: none is "
            "written",
            cls.around,
        )
    texts = {token.content for token in added.values()}
    names = {kind: text for kind, text in cls.names.items() if text in texts}
    return rank_keys(
        files,
        rows,
        config,
        Ranks(file, ranks),
        added=added,
        names=Names(named_tokens(files, {}, names), GENERIC),
        pre=pre or cls.pre,
    )


def _class(files: Files, file: str, pre: str | None) -> RankedClass:
    mapped = files.settings.get("auto_map")
    auto = mapped.get("AutoTokenizer") if isinstance(mapped, Mapping) else None
    listed = auto if isinstance(auto, list) else [auto]
    named = [text.rpartition(".")[2] for text in listed if isinstance(text, str)]
    declared = files.settings.get("tokenizer_class")
    for name in (declared, *named):
        if isinstance(name, str) and name in CLASSES:
            return CLASSES[name]
    if pre is not None:
        return RankedClass(pre)
    raise TokenizerError(
        f"is a list of tiktoken's ranks, and the tokenizer's class ({declared or 'not named'}) is "
        "none of those whose special tokens are known",
        where=files.where(file),
        hint=f"Add the {TOKENIZER} that transformers makes of it; it then decides.",
    )


def read(files: Files, file: str) -> dict[bytes, int]:
    """Return rank by token of a list of ranks.

    Raises:
        TokenizerError: a line is malformed, or the ranks are not 0, 1, 2, ….
    """
    ranks: dict[bytes, int] = {}
    for number, line in enumerate((files.text(file) or "").splitlines(), 1):
        if not line:
            continue
        encoded, _, rank = line.partition(" ")
        try:
            token, value = b64decode(encoded, validate=True), int(rank)
        except (binascii.Error, ValueError) as error:
            raise files.malformed(f"line {number} is no base64 text and rank: {error}", file) from (
                error
            )
        if not token or not 0 <= value < MOST:
            raise files.malformed(f"line {number} has no token, or the rank {value}", file)
        ranks.setdefault(token, value)
    if sorted(ranks.values()) != list(range(len(ranks))):
        raise files.malformed(f"its {len(ranks)} tokens have not the ranks 0, 1, 2, …", file)
    return ranks
