"""Texts that find differences between tokenizers: every script, white space, pieces of tokens.

They are drawn by a seeded generator from the vocabulary at hand, so that each vocabulary has texts
of its own. What is drawn does not depend on Python's tables of Unicode, which differ by version.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

SPACES = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2002\u2003\u2007\u2009\u200a\u2028\u2029"
    "\u202f\u205f\u3000"
)
INVISIBLE = (
    "\0\x01\x08\x0e\x1b\x7f\x80\x9f\xad\u061c\u180e\u200b\u200c\u200d\u200e\u2060\ufeff\ufffd\uffff"
)
MARKS = (
    "\u0300\u0301\u0323\u0327\u0345\u0488\u05b0\u064b\u093e\u0bcd\u0e31\u0f71\u1dc0\u20d0\u302a"
    "\u3099\ufe0f\ufe20"
)
DIGITS = "0123456789٣۴७৮໑༥၂ⅣⅫ½²₂①𝟗𝟘〇百"
QUOTES = "'’ʼ‘`´"
ENDINGS = ("s", "S", "t", "re", "RE", "Ve", "m", "ll", "lL", "d", "D", "ſ", "x", "")
CASES = "aAzZéÉßẞıİſKÅµΩǅǈǲﬁŉΐǰẖªᵃʰˠḁªⓐⒶꞛ𐐀𐐨Ａａ"
BLOCK = 128
"""Characters of a stripe of Unicode that one text draws from."""
_STRIPES = (
    *range(0x0000, 0x3400, BLOCK),
    *range(0x3400, 0xD800, 1024),
    *range(0xE000, 0xE100, 256),
)
_MORE = (
    *range(0xF900, 0x10000, BLOCK),
    *range(0x10000, 0x14700, BLOCK),
    *range(0x16800, 0x19000, 512),
    *range(0x1AFF0, 0x1B300, BLOCK),
    *range(0x1BC00, 0x1FC00, BLOCK),
    *range(0x20000, 0x32400, 4096),
    *range(0xE0000, 0xE0200, BLOCK),
    0x10FF80,
)


def texts(
    count: int, *, seed: int, pieces: Sequence[str], added: Sequence[str], words: Sequence[str]
) -> list[str]:
    """Return `count` different texts.

    Args:
        count: how many.
        seed: of the generator.
        pieces: readable texts of the vocabulary's tokens.
        added: texts of its added tokens.
        words: words of natural texts.
    """
    draw = _Draw(random.Random(seed), pieces, added or ("<s>",), words)
    found: dict[str, None] = {}
    for stripe in (*_STRIPES, *_MORE):
        found.setdefault(draw.stripe(stripe))
    makers = (
        draw.spaces,
        draw.invisible,
        draw.marks,
        draw.numbers,
        draw.contractions,
        draw.cases,
        draw.tokens,
        draw.tokens,
        draw.added,
        draw.added,
        draw.broken,
        draw.mixture,
        draw.natural,
        draw.punctuation,
        draw.runs,
    )
    while len(found) < count:
        for maker in makers:
            found.setdefault(maker())
    return list(found)[:count]


class _Draw:
    def __init__(
        self,
        random_: random.Random,
        pieces: Sequence[str],
        added: Sequence[str],
        words: Sequence[str],
    ) -> None:
        self._random = random_
        self._pieces, self._added, self._words = pieces, added, words

    def _some(self, source: Sequence[str], least: int, most: int) -> list[str]:
        return self._random.choices(source, k=self._random.randint(least, most))

    def stripe(self, start: int) -> str:
        """Characters of one stripe, alone, in runs, and beside letters and digits."""
        width = BLOCK if start + BLOCK <= 0x110000 else 1
        own = [chr(start + i) for i in range(width) if not 0xD800 <= start + i < 0xE000]
        text = []
        for _ in range(self._random.randint(2, 5)):
            text += [self._random.choice(("", " ", "a", "1", ".", " b")), *self._some(own, 1, 5)]
        return "".join(text)

    def spaces(self) -> str:
        text = []
        for _ in range(self._random.randint(1, 4)):
            text += self._some(SPACES if self._random.random() < 0.6 else " \n\t\r", 0, 6)
            text += self._some((*self._words, "(", "}", "1"), 0, 2)
        return "".join([*text, *self._some(" \n", 0, 3)])

    def invisible(self) -> str:
        return "".join(self._some((*INVISIBLE, *self._words, " ", "é", "1"), 2, 9))

    def marks(self) -> str:
        return "".join(self._some((*MARKS, *MARKS, *"aZéก한कわ1 .", "क्ष"), 2, 10))

    def numbers(self) -> str:
        return "".join(
            self._some((*"0123456789" * 3, *DIGITS, "1234", "a", " ", ".", ",", "-"), 1, 14)
        )

    def contractions(self) -> str:
        text = []
        for _ in range(self._random.randint(1, 4)):
            text += [self._random.choice(self._words), self._random.choice(QUOTES)]
            text += [self._random.choice(ENDINGS), self._random.choice(("", " ", "l", "\n"))]
        return "".join(text)

    def cases(self) -> str:
        return "".join(self._some((*CASES, *"aAbB", " ", "'s", "1"), 2, 12))

    def tokens(self) -> str:
        """Tokens in an order in which merges meet that never met in training."""
        return "".join(self._some(self._pieces, 1, 6))

    def added(self) -> str:
        text = []
        for _ in range(self._random.randint(1, 4)):
            text += [
                self._random.choice(self._added),
                *self._some((" ", "\n", "x", "  ", "1"), 0, 2),
            ]
        return "".join(self._some((" ", "a", ""), 0, 1) + text)

    def broken(self) -> str:
        """Added tokens with something missing, doubled, or in between."""
        text = []
        for _ in range(self._random.randint(1, 3)):
            token = self._random.choice(self._added)
            at = self._random.randint(0, len(token))
            text.append(
                self._random.choice(
                    (
                        token[:at],
                        token[at:],
                        token[:at] + " " + token[at:],
                        token[:at] + token,
                        token + token[at:],
                        token.upper(),
                        token.replace("|", "||"),
                    )
                )
            )
        return "".join(text)

    def mixture(self) -> str:
        found = []
        for _ in range(self._random.randint(2, 8)):
            kind = self._random.random()
            if kind < 0.3:
                found.append(self._random.choice(self._words))
            elif kind < 0.5:
                found.append(chr(self._random.choice(_STRIPES) + self._random.randrange(BLOCK)))
            elif kind < 0.7:
                found.append(self._random.choice(SPACES))
            else:
                found.append(
                    self._random.choice((*"!?.,;:-_/\\()[]{}<>@#$%^&*+=|~", "😀", "中文", "👩‍💻"))
                )
        return "".join(found)

    def natural(self) -> str:
        return "".join(
            word + self._random.choice((" ", " ", " ", ", ", ". ", "\n", "-"))
            for word in self._some(self._words, 2, 12)
        )

    def punctuation(self) -> str:
        return "".join(
            self._some(
                (*"!?.,;:-_/\\()[]{}<>@#$%^&*+=|~'\"`", " ", "a", "\n", "—", "。", "«", "€", "±"),
                1,
                12,
            )
        )

    def runs(self) -> str:
        """One character many times: the order of equal merges."""
        return "".join(
            self._random.choice("ab =-_.0 \n中é▁😀") * self._random.randint(1, 40)
            for _ in range(self._random.randint(1, 3))
        )


def fragments(texts: Sequence[str]) -> Iterator[str]:
    """Yield the words of texts."""
    for text in texts:
        yield from text.split()
