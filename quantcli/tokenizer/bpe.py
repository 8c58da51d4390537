"""Byte-level BPE: GPT-2, Llama 3, Qwen and most others (`tokenizer.ggml.model` "gpt2")."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError, listed
from quantcli.tokenizer.added_tokens import added_tokens, named_tokens
from quantcli.tokenizer.assembly import assemble
from quantcli.tokenizer.classes import Names, TokenizerClass, tokenizer_class
from quantcli.tokenizer.detection import detect
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.hf_vocabulary import VOCAB_JSON, base_ids, hf_vocabulary
from quantcli.tokenizer.vocabulary import Key, Vocabulary

MODEL = "gpt2"
MERGES = "merges.txt"
_SPACE = "\u0120"
"""GPT-2's letter for the byte of a space; in a merge a plain space only separates the two parts."""


def bpe_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a byte-level BPE tokenizer.

    Args:
        files: the tokenizer's files: tokenizer.json, or vocab.json with merges.txt.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name of the pre-tokenizer, or None to detect it.

    Raises:
        TokenizerError: a file is missing or malformed, the vocabulary larger than the embedding,
            or the pre-tokenizer unknown.
    """
    kind = files.model().get("type", "BPE")
    if kind != "BPE":
        raise TokenizerError(
            f"holds a {kind} tokenizer where this architecture has byte-level BPE",
            where=files.where(TOKENIZER),
        )
    cls = tokenizer_class(files, config)
    base, source = base_ids(files, fallback=VOCAB_JSON)
    named = named_tokens(files, {}, cls.names)
    added = added_tokens(files, base, named)
    vocab = hf_vocabulary(files, base, added, rows=rows, config=config, source=source)
    pre = pre or detect(files, set(vocab.tokens), cls)
    _check_model(files, cls)
    if cls.around is None:
        # Of what the class names by default, llama.cpp needs only these.
        needed = {k: v for k, v in cls.names.items() if k in {"bos", "eos"}}
        named = named_tokens(files, {}, needed)
    listed_merges = merges(files)
    check_merges(files, listed_merges, vocab)
    keys: list[Key] = [("tokenizer.ggml.merges", "array:string", listed_merges)]
    names = Names(named, cls)
    return assemble(files, config, vocab, model=MODEL, pre=pre, names=names, options=keys)


def _check_model(files: Files, cls: TokenizerClass) -> None:
    """Refuse or note what llama.cpp's byte-level BPE has not."""
    model, tokenizer = files.model(), files.tokenizer or {}
    for name in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(name):
            raise TokenizerError(
                f"{name} is {model[name]!r}: llama.cpp's byte-level BPE has none",
                where=files.where(TOKENIZER),
            )
    before = steps(tokenizer.get("pre_tokenizer"), "pretokenizers")
    prefixing = [s.get("type") == "ByteLevel" and bool(s.get("add_prefix_space")) for s in before]
    prefix = any(prefixing)
    if cls.pre is not None:
        prefix = files.setting("add_prefix_space") is True
    elif any(prefixing[1:]):
        raise TokenizerError(
            "add_prefix_space is true in a step that follows a split: a space is put before every "
            "part of a text, which llama.cpp's byte-level BPE cannot do",
            where=files.where(TOKENIZER),
        )
    if prefix:
        files.note(
            "the tokenizer puts a space before every text (add_prefix_space), llama.cpp's "
            "byte-level BPE does not: begin prompts with a space"
        )
    for step in steps(tokenizer.get("normalizer"), "normalizers"):
        # NFC only changes texts with decomposed characters; every Qwen has it.
        if step.get("type") != "NFC":
            files.note(
                "llama.cpp's byte-level BPE takes texts as they are, without this tokenizer's "
                "normalizer",
                str(step.get("type")),
            )


def check_merges(files: Files, found: tuple[str, ...], vocab: Vocabulary) -> None:
    """Refuse merges of or to what is no token, as the tokenizers library does.

    llama.cpp would take them, and make other tokens of a text.

    Args:
        files: for the error's place.
        found: the merges, each "left right".
        vocab: the finished vocabulary.

    Raises:
        TokenizerError: there are such merges; they are listed.
    """
    known = vocab.ids
    parts, made = set(" ".join(found).split(" ")), {merge.replace(" ", "") for merge in found}
    if parts <= known.keys() and made <= known.keys():
        return
    wrong = []
    for merge in found:
        left, _, right = merge.partition(" ")
        if left not in known or right not in known or left + right not in known:
            wrong.append(repr(merge))
    if wrong:
        raise TokenizerError(
            listed("merges whose parts or result are no tokens of the vocabulary:", wrong),
            where=files.where(TOKENIZER if files.tokenizer is not None else MERGES),
            hint="Vocabulary and merges are of different tokenizers: take both from one source.",
        )


def merges(files: Files) -> tuple[str, ...]:
    """Return the merges in order of rank, each "left right".

    A space inside a part is written as GPT-2's letter for it, for the plain one separates.

    Raises:
        TokenizerError: there are none, or one is malformed.
    """
    joined = _joined(files.model().get("merges"))
    if joined:
        return tuple(joined)
    # A part holds a space, or a merge is malformed: one by one.
    return tuple(
        f"{left.replace(' ', _SPACE)} {right.replace(' ', _SPACE)}"
        for left, right in merge_pairs(files)
    )


def merge_results(files: Files) -> list[str]:
    """Return what the merges make, in order of rank.

    Raises:
        TokenizerError: there are none, or one is malformed.
    """
    joined = _joined(files.model().get("merges"))
    if joined:
        return [merge.replace(" ", "") for merge in joined]
    return [left + right for left, right in merge_pairs(files)]


def _joined(listed: object) -> list[str]:
    """Join all pairs at once; empty when they are not all pairs of texts without a space."""
    if not isinstance(listed, list):
        return []
    if not all(type(merge) is str for merge in listed):
        try:
            listed = [" ".join(merge) if type(merge) is list else "" for merge in listed]
        except TypeError:
            return []
    sound = all(merge.count(" ") == 1 and merge[0] != " " and merge[-1] != " " for merge in listed)
    return listed if sound else []


def merge_pairs(files: Files, most: int | None = None) -> list[tuple[str, str]]:
    """Return the merges in order of rank as pairs, from tokenizer.json or else merges.txt.

    Args:
        files: the tokenizer's files.
        most: how many of them, None for all.

    Raises:
        TokenizerError: there are none, or one is malformed.
    """
    listed = files.model().get("merges") or _from_text(files)
    if not listed:
        raise TokenizerError(
            f"has no merges, neither in {TOKENIZER} nor in {MERGES}", where=str(files.root)
        )
    if not isinstance(listed, list):
        raise files.malformed('"merges" is not a list')
    return [_pair(files, merge) for merge in listed[:most]]


def _pair(files: Files, merge: object) -> tuple[str, str]:
    if isinstance(merge, str):
        merge = merge.split(" ")
    if isinstance(merge, list) and len(merge) == 2:
        left, right = merge
        if isinstance(left, str) and isinstance(right, str) and left and right:
            return left, right
    raise files.malformed(f'"merges" holds {merge!r}, which is not a pair of texts')


def _from_text(files: Files) -> list[list[str]]:
    text = files.text(MERGES)
    if text is None:
        return []
    lines = text.split("\n")
    if lines[0].startswith("#"):
        del lines[0]
    found: list[list[str]] = []
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if len(parts) == 2:
            found.append(parts)
        elif parts:
            files.note(f"lines of {MERGES} that are not two parts are left out", str(number))
    return found
