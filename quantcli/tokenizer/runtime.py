"""What llama.cpp assumes about a vocabulary where a file does not say, and what it must be told.

Facts are those of its loader and its tokenizers (src/llama-vocab.cpp).
"""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.pretokenizers import NAMES
from quantcli.tokenizer.special_tokens import SpecialTokens
from quantcli.tokenizer.vocabulary import TokenType, Vocabulary

ASSUMED: dict[str, dict[str, int]] = {
    "llama": {"bos": 1, "eos": 2, "unk": 0},
    "gpt2": {"bos": 11, "eos": 11},
    "whitespace": {"bos": 11, "eos": 11},
    "plamo2": {"bos": 1, "eos": 2, "unk": 0, "pad": 3},
    "bert": {"bos": 101, "unk": 100, "sep": 102, "pad": 0, "mask": 103},
    "t5": {"eos": 1, "unk": 2, "pad": 0},
}
"""Ids that the loader takes where no key gives one, by tokenizer.ggml.model."""
_REQUIRED: dict[str, dict[str, str]] = {
    "bert": {
        "bos": "WordPiece begins every text with the classification token, [CLS]",
        "sep": "WordPiece ends every text with the separator, [SEP]",
        "unk": "WordPiece writes words that it does not know as one token, [UNK]",
    },
    "t5": {"unk": "Unigram writes characters that it does not know as one token, <unk>"},
}
"""Kinds of special tokens without which a tokenizer cannot run, and why."""
ENDS_TURN = frozenset(
    {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<end_of_utterance>"}
    | {"<EOT>", "_<EOT>", "[EOT]"}
)
"""Texts that the loader takes for the end of a turn when no key gives one."""
ENDS_TEXT = frozenset(("<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>"))
"""Texts that the loader takes for the end of a turn as well, although they end a text."""
ENDS_GENERATION = (
    ENDS_TURN
    | ENDS_TEXT
    | {"<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "</s>", "<|eom_id|>", "[EOS]", "<eos>"}
    | {"<turn|>", "<|tool_response>"}
    | {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|file_sep|>"}
    | {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}
)
"""Texts at which the loader ends a generation, whatever the keys say."""


_NEVER_IN_TEXT = ("\u00ff", "<0xFF>")
"""The byte 255, which UTF-8 does not use, as byte-level BPE and SentencePiece write it."""
_ENDS_OTHERS = {
    "<|end|>": (("<|return|>", "<|call|>"), ("<|flush|>", "<|calls|>")),
    "</s>": (("<|tool_response>",), ("<|plamo:eos|>",)),
}
"""Texts that lose that role in a vocabulary that has all of one group of others."""


def ends_by_text(vocab: Vocabulary) -> set[int]:
    """Return the ids of the tokens at which llama.cpp ends a generation by their text alone."""
    place = {text: i for i, text in enumerate(vocab.tokens) if text in ENDS_GENERATION}
    for text, groups in _ENDS_OTHERS.items():
        if any(all(other in vocab.ids for other in group) for group in groups):
            place.pop(text, None)
    return set(place.values())


def finish(
    files: Files,
    special: SpecialTokens,
    vocab: Vocabulary,
    model: str,
    pre: str | None,
    *,
    known: bool,
) -> None:
    """Make the special tokens complete for llama.cpp: nothing is left to a wrong assumption.

    Args:
        files: for the notes and the error's place.
        special: what the tokenizer says; changed in place.
        vocab: the finished vocabulary.
        model: tokenizer.ggml.model.
        pre: tokenizer.ggml.pre, None for a kind that has none.
        known: whether the files tell which tokens are added to a text.

    Raises:
        TokenizerError: a special token is missing that this kind of tokenizer cannot do without.
    """
    for kind, why in _REQUIRED.get(model, {}).items():
        if kind not in special.ids:
            raise TokenizerError(
                f"the tokenizer names no such token in its vocabulary: {why}",
                where=str(files.root),
                hint="Name it in tokenizer_config.json (cls_token, sep_token, unk_token).",
            )
    assumes = {**ASSUMED.get(model, {})}
    if pre in NAMES and NAMES[pre].no_bos:
        assumes.pop("bos", None)
    for kind in ("eos", "bos", "mask"):
        assumed = assumes.get(kind)
        if assumed is not None and kind not in special.ids:
            _stand_in(files, special, vocab, kind, assumed)
    _say_flags(files, special, model, pre, known=known)


def _say_flags(
    files: Files, special: SpecialTokens, model: str, pre: str | None, *, known: bool
) -> None:
    """Write the flags where the loader would add what the tokenizer does not."""
    if model == "gemma4" and not special.add.get("bos"):
        special.add["bos"] = True
        files.note(
            "llama.cpp begins every text for this tokenizer with the bos token; the tokenizer "
            "itself does not"
        )
    for kind, adds in _flags(model, pre).items():
        if kind not in special.add and (known or kind not in {"bos", "eos"}):
            if adds:
                special.add[kind] = False
                files.note(
                    f"add_{kind}_token false is written: the tokenizer adds none, "
                    f"llama.cpp would for {pre if model == 'gpt2' else model!r}"
                )
        elif kind not in special.add and adds:
            files.note(
                f"no file says whether the {kind} token is added to a text: llama.cpp adds it; "
                f"add_{kind}_token in tokenizer_config.json decides"
            )


def _flags(model: str, pre: str | None) -> Mapping[str, bool]:
    """What the loader adds to a text by default."""
    if pre in NAMES and model in {"gpt2", "whitespace"}:
        return {"bos": NAMES[pre].add_bos, "sep": NAMES[pre].add_sep}
    # WordPiece adds both of its tokens whatever the flags say.
    return {"llama": {"bos": True}, "t5": {"eos": True}}.get(model, {})


def _stand_in(
    files: Files, special: SpecialTokens, vocab: Vocabulary, kind: str, assumed: int
) -> None:
    """Write an id that does no harm where the loader would take an arbitrary token for `kind`."""
    size = len(vocab.tokens)
    if kind == "mask":
        if assumed >= size:  # the loader looks its text up
            special.ids["mask"] = special.ids["unk"]
        return
    found = special.ids.get("eos") if kind == "bos" else _harmless_end(special, vocab)
    if found == assumed:
        special.ids[kind] = found
        return
    wrong = f"id {assumed}, {vocab.tokens[assumed]!r}" if assumed < size else f"id {assumed}"
    if found is None:
        raise TokenizerError(
            f"the tokenizer has no {kind} token, and llama.cpp would take {wrong}, for it",
            where=str(files.root),
            hint=f"Name it in tokenizer_config.json ({kind}_token).",
        )
    special.ids[kind] = found
    files.note(
        f"the tokenizer has no {kind} token: id {found}, {vocab.tokens[found]!r}, stands in for it "
        f"(llama.cpp would take {wrong})"
    )


def _harmless_end(special: SpecialTokens, vocab: Vocabulary) -> int | None:
    """Return a token that ends a generation anyway, or that a model does not generate."""
    control = [i for i, kind in enumerate(vocab.types) if kind == TokenType.CONTROL]
    if ends := ends_by_text(vocab).intersection(control):
        return min(ends)
    if TokenType.UNUSED in vocab.types:
        return vocab.types.index(TokenType.UNUSED)
    candidates = [special.ids[kind] for kind in ("pad", "unk", "bos") if kind in special.ids]
    candidates += control
    candidates += [vocab.ids[text] for text in _NEVER_IN_TEXT if text in vocab.ids]
    return next(iter(candidates), None)
