r"""The regular expressions that tokenizers split text by, and one spelling for equal ones.

Patterns are facts of the published tokenizer.json files; llama.cpp's `llama-vocab.cpp` names the
same ones. `canonical` undoes differences of spelling only: `[\r\n]` written with real control
characters, the members of a character class in another order, contractions case by case.
"""

from __future__ import annotations

import re

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
QWEN35 = (
    CONTRACTIONS
    + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"
    + SPACES
)
MINICPM5 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
NO_CONTRACTIONS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
SEED = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|" + SPACES
EXAONE_MOE = (
    CONTRACTIONS
    + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"
    + r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
# tiktoken's cl100k; its possessive quantifiers stand before disjoint classes, so the split is
# LLAMA3's (and with single digits QWEN2's).
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
BAILING = CL100K.replace("{1,3}", "")
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CASED = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+",
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*",
)
_SLASHED = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES
O200K = rf"{CASED[0]}{CONTRACTIONS}?|{CASED[1]}{CONTRACTIONS}?|\p{{N}}{{1,3}}|{_SLASHED}"
O200K_DIGIT = rf"{CASED[0]}{CONTRACTIONS}?|{CASED[1]}{CONTRACTIONS}?|\p{{N}}|{_SLASHED}"
TEKKEN = rf"{CASED[0]}|{CASED[1]}|\p{{N}}|{_SLASHED}"
DEEPSEEK_WORDS = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"""
    r"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|" + SPACES
)
SPARK_WORDS = DEEPSEEK_WORDS.removesuffix(r"[\r\n]*|" + SPACES) + r"|[\r\n]|\s+(?!\S)|\s+"
DEEPSEEK_CJK = "[一-龥\u3040-ゟ゠-ヿ]+"
DEEPSEEK_PUNCTUATION = "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+"
DEEPSEEK_HAN = "[一-龥ࠀ-一가-\ud7ff]+"
# The compatibility characters are escaped: editors that normalize text would change them.
DEEPSEEK_LETTERS = (
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-"
    "Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-"
    "ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+"
)
# Digits in groups of three from the right. The first spelling groups only what ends a word, which
# llama.cpp does not look at.
THREES = (
    r"\d{1,3}(?=(?:\d{3})*\b)",
    r"\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}|$))",
    r"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))",
)
# The first letter of the third range is U+F900 or, where an editor has normalized it, U+8C48.
AFMOE_SCRIPTS = tuple(
    f"[\u4e00-\u9fff\u3400-\u4dbf{first}-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf"
    "\u0e40-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af"
    "\u1100-\u11ff]+"
    for first in ("\u8c48", "\uf900")
)
_HAN = r"&&[^\p{Han}]]"
KIMI = (
    rf"[\p{{Han}}]+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER[:-1]}{_HAN}*{_LOWER[:-1]}{_HAN}+{CONTRACTIONS}?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER[:-1]}{_HAN}+{_LOWER[:-1]}{_HAN}*{CONTRACTIONS}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
) + SPACES
# Joiners between letters, as two engines spell them.
K2_HORIZON = tuple(
    LLAMA3.replace(r"\p{L}+", rf"(?:\p{{L}}|\p{{M}}|{joiners})+")
    for joiners in (r"\u200C|\u200D", r"\x{200C}|\x{200D}", "\u200c|\u200d")
)
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
YOUTU_SCRIPTS = "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\u3040-ゟ゠-ヿ]+"
JAIS2 = (
    LLAMA3.removesuffix(r"|\s+(?!\S)|\s+")
    + "".join(rf"|\s{{{2**n}}}(?!\S)" for n in range(9, 1, -1))
    + r"|\s{1,2}(?!\S)|\s{1}"
)

_SPELLINGS = (
    ("(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", CONTRACTIONS),
    ("(?i:'s|'t|'re|'ve|'m|'d|'ll)", CONTRACTIONS),
    ("(?i:'s|'d|'m|'t|'ll|'ve|'re)", CONTRACTIONS),
    ("(?i:[sdmt]|ll|ve|re)", "(?i:[sdmt]|ll|ve|re)"),
)
_CONTROLS = str.maketrans({"\r": r"\r", "\n": r"\n", "\t": r"\t"})
_CLASS = re.compile(r"\[(\^?)((?:\\.|[^\[\]\\])+)\]")
_ATOM = r"\\[pP]\{\^?\w+\}|\\[pP]\w|\\.|[^\\]"
_MEMBER = re.compile(rf"(?:{_ATOM})(?:-(?:{_ATOM}))?", re.DOTALL)


def _ordered(match: re.Match[str]) -> str:
    body = match[2]
    if "&&" in body:
        return match[0]
    return f"[{match[1]}{''.join(sorted(set(_MEMBER.findall(body))))}]"


def canonical(pattern: str) -> str:
    """Return `pattern` in the one spelling that equal patterns share."""
    pattern = pattern.translate(_CONTROLS)
    for spelling, chosen in _SPELLINGS:
        pattern = pattern.replace(spelling, chosen)
    return _CLASS.sub(_ordered, pattern)
