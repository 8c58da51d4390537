"""What a case is: a folder as people have it, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from field.folders import Folder


@dataclass(frozen=True)
class Right:
    """The folder is converted, and the file does what the frozen record says.

    Attributes:
        notes: each is words that one and the same note must contain.
        unsaid: words that no note may contain, since they would be untrue.
        keys: keys of the file with their values; None: the key must not be there.
        compute: compare logits, embeddings or the score; else the vocabulary only.
        ids: compare the ids of texts.
        prefix_space: the original puts a space before every text, which llama.cpp cannot do.
        metaspace: the original puts a space before the first part of a text only and none before
            a space; llama.cpp always puts one, which a note says where tokenizer.json describes it.
        stop: generation ends at the frozen stop tokens.
        tolerance: largest difference of a number, in units of the largest number.
        oracle: the folder that the original library is given instead, where it cannot load this
            one although it can be read in one way only.
        tokenizer: what of the folder the original library's tokenizer is made from, likewise.
    """

    notes: tuple[tuple[str, ...], ...] = ()
    unsaid: tuple[str, ...] = ()
    keys: Mapping[str, Any] = field(default_factory=dict)
    compute: bool = True
    ids: bool = True
    prefix_space: bool = False
    metaspace: bool = False
    stop: bool = True
    tolerance: float = 1e-3
    oracle: Callable[[], Folder] | None = None
    tokenizer: Callable[[], Folder] | None = None


@dataclass(frozen=True)
class Refused:
    """The folder is refused with one message.

    Attributes:
        words: what the message must contain, in any case of letters.
        error: name of the class of error, or of one above it.
        exit_code: of the command.
        lines: the most that the message may have.
    """

    words: tuple[str, ...]
    error: str = "InputError"
    exit_code: int = 3
    lines: int = 25


@dataclass(frozen=True)
class Case:
    """One situation.

    Attributes:
        name: number of its kind, and what is special about it; also names the frozen record.
        make: the folder.
        expect: what must come of it.
    """

    name: str
    make: Callable[[], Folder]
    expect: Right | Refused

    @property
    def kind(self) -> str:
        """Number of the kind."""
        return self.name[:2]


KINDS = {
    "01": "one source of truth: tokenizer.model beside tokenizer.json",
    "02": "one source of truth: tokens that only tokenizer.json has",
    "03": "one source of truth: pieces renamed in tokenizer.json",
    "04": "ids beyond the rows of the embedding",
    "05": "tensors and config.json disagree on a size",
    "06": "chat template in several places",
    "07": "modules of sentence-transformers",
    "08": "a missing head",
    "09": "the index and the files disagree",
    "10": "an index or file of an earlier save, and files of other kinds",
    "11": "byte-level BPE without tokenizer.json",
    "12": "sizes of GPT-2 under several names",
    "13": "WordPiece without tokenizer.json",
    "14": "cross-encoders",
    "15": "config.json as transformers 5 writes it",
    "16": "odd model cards",
    "17": "buffers among the weights",
    "18": "prefixes of tensor names",
    "19": "weights that are not finite",
    "20": "tensors without elements",
    "21": "names from folders",
    "22": "what the tokenizer adds against what flags say",
    "23": "tied, yet stored",
    "24": "special ids through the vocabulary",
    "25": "several stop tokens",
    "26": "fields of config.json that change the computation",
    "27": "a space before the text",
    "28": "files of added tokens disagree",
    "30": "paths",
    "31": "what is no checkpoint to convert",
}
