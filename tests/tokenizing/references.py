"""What tokenizers without a tokenizer.json do, in a few lines each."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from tokenizer_folders import BYTE_LEVEL, added, isolate, sequence
from tokenizer_scenarios import letters
from tokenizers import Regex, pre_tokenizers

Encode = Callable[[str], list[int]]


def by_ranks(ranks: Mapping[bytes, int], pattern: str) -> Encode:
    """tiktoken: a word that is a token is one; else the pair with the lowest rank joins, again."""
    splitter = pre_tokenizers.Split(Regex(pattern), "isolated")

    def encode(text: str) -> list[int]:
        found: list[int] = []
        for word, _ in splitter.pre_tokenize_str(text):
            parts = [bytes([byte]) for byte in word.encode()]
            if word.encode() in ranks:
                parts = [word.encode()]
            while True:
                known = {
                    i: ranks[a + b]
                    for i, (a, b) in enumerate(itertools.pairwise(parts))
                    if a + b in ranks
                }
                if not known:
                    break
                at = min(known, key=lambda i: (known[i], i))
                parts[at : at + 2] = [parts[at] + parts[at + 1]]
            found += [ranks[part] for part in parts]
        return found

    return encode


def ranked_json(
    ranks: Mapping[bytes, int], pattern: str, special: Mapping[str, int], *, first: int = 0
) -> dict[str, Any]:
    """The tokenizer.json that transformers makes of ranks: every cut of a token is a merge.

    The tokenizers library counts ids of added tokens itself, so they are in the vocabulary as well.
    """
    alphabet = letters()
    texts = {token: "".join(alphabet[byte] for byte in token) for token in ranks}
    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        cuts = [(token[:at], token[at:]) for at in range(1, len(token))]
        known = [cut for cut in cuts if cut[0] in ranks and cut[1] in ranks]
        known.sort(key=lambda cut: (ranks[cut[0]], ranks[cut[1]]))
        merges += [[texts[a], texts[b]] for a, b in known]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(i, text) for text, i in special.items()],
        "normalizer": None,
        "pre_tokenizer": sequence(isolate(pattern), {**BYTE_LEVEL, "use_regex": False}),
        "post_processor": None,
        "decoder": BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": {**special, **{texts[t]: first + rank for t, rank in ranks.items()}},
            "merges": merges,
        },
    }


def read_ranks(text: str) -> dict[bytes, int]:
    """Rank by token of a file of tiktoken's."""
    pairs = (line.split() for line in text.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def greedy(ids: Mapping[bytes, int]) -> Encode:
    """RWKV: the longest token that fits, from the left."""
    longest = max(map(len, ids))

    def encode(text: str) -> list[int]:
        data, at, found = text.encode(), 0, []
        while at < len(data):
            end = next(e for e in range(min(at + longest, len(data)), at, -1) if data[at:e] in ids)
            found.append(ids[data[at:end]])
            at = end
        return found

    return encode


def with_special(rest: Encode, special: Mapping[str, int]) -> Encode:
    """Special tokens in a text become their ids, what is between them goes to `rest`."""
    order = sorted(special, key=len, reverse=True)

    def encode(text: str, among: int = 0) -> list[int]:
        for at in range(among, len(order)):
            before, found, after = text.partition(order[at])
            if found:
                return [*encode(before, at + 1), special[order[at]], *encode(after, at)]
        return rest(text) if text else []

    return encode
