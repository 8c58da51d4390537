"""The table of pre-tokenizers: what llama.cpp calls them and how tokenizer.json spells them.

llama.cpp knows a pre-tokenizer by a name. Its converter finds the name by hashing an encoded test
text, which needs an entry for every vocabulary; here the structure of tokenizer.json's
pre_tokenizer is compared instead (`detection.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from quantcli.tokenizer import regexes as rx

BYTES = "ByteLevel"
"""Canonical step: bytes as the letters of GPT-2's alphabet, no further split."""


def split(pattern: str) -> str:
    """Return the canonical step for a split that isolates the matches of `pattern`."""
    return f"Split {rx.canonical(pattern)}"


@dataclass(frozen=True, slots=True)
class Flags:
    """What llama.cpp assumes for a name.

    Attributes:
        ignore_merges: a word that is a vocabulary entry is taken whole.
        add_bos: default of add_bos_token.
        add_sep: default of add_sep_token.
    """

    ignore_merges: bool = False
    add_bos: bool = False
    add_sep: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One name of a family and what, besides the splits, speaks for it.

    Attributes:
        name: llama.cpp's name.
        tokens: texts that must be in the vocabulary.
        processor: type of a post-processor that must be there.
        clean: required value of tokenizer_config.json's clean_up_tokenization_spaces.
    """

    name: str
    tokens: tuple[str, ...] = ()
    processor: str | None = None
    clean: bool | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """Names that split text in one way.

    Attributes:
        spellings: alternatives, each a sequence of canonical steps.
        choices: tried in order; the last ones hold when nothing else speaks.
    """

    spellings: tuple[tuple[str, ...], ...]
    choices: tuple[Choice, ...]


def _flags() -> dict[str, Flags]:
    plain = (
        "default dbrx smaug-bpe chatglm-bpe stablelm2 megrez qwen2 deepseek-r1-qwen kormo f2llmv2 "
        "hunyuan solar-open grok-2 qwen35 ufakzeka gpt-4o llama4 kanana2 talkie minimax-m2 "
        "tiny_aya cohere2moe deepseek-llm deepseek-coder deepseek-v3 hunyuan-dense joyai-llm hy_v4 "
        "spark2_5 gpt-2 phi-2 jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum "
        "modern-bert exaone4 mpt olmo jais trillion granite-docling starcoder refact codeshell "
        "exaone minerva-7b mellum2 command-r smollm falcon bloom gpt3-finnish poro-chat viking "
        "jais-2 superbpe bailingmoe bailingmoe2 llada-moe seed-coder afmoe laguna exaone-moe "
        "gemma4 granite-embed-multi-311m mmbert sarvam-moe kimi-k2 whitespace glm4 glm5 bert-bge "
        "bert-bge-large jina-v2-en k2-horizon"
    )
    table = dict.fromkeys(plain.split(), Flags())
    eager = "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano tekken"
    table.update(dict.fromkeys(eager.split(), Flags(ignore_merges=True, add_bos=True)))
    whole = "minicpm5 youtu granite-embed-multi-97m"
    table.update(dict.fromkeys(whole.split(), Flags(ignore_merges=True)))
    table.update(dict.fromkeys(["roberta-bpe", "jina-v1-en", "jina-v2-code"], Flags(add_sep=True)))
    table["chameleon"] = Flags(add_bos=True)
    return table


NAMES = _flags()
"""Every name that llama.cpp's loader accepts."""

_DEEPSEEK_CODER = (split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"))
_DEEPSEEK_LLM = (
    split(r"[\r\n]"),
    split(rx.DEEPSEEK_LETTERS),
    split(rx.DEEPSEEK_PUNCTUATION),
    split(r"\s+$"),
)
_HAN = split(rx.DEEPSEEK_HAN)
_DIGIT, _DIGITS, _THREE = split(r"\p{N}"), split(r"\p{N}+"), split(r"\p{N}{1,3}")
_GPT2, _BLOOM, _CJK = split(rx.GPT2), split(rx.BLOOM), split(rx.DEEPSEEK_CJK)

FAMILIES: tuple[Family, ...] = (
    Family(
        ((_GPT2, BYTES),),
        (
            Choice("roberta-bpe", processor="RobertaProcessing"),
            Choice("modern-bert", tokens=("<|padding|>", "[MASK]")),
            Choice("olmo", tokens=("<|padding|>",)),
            Choice("gpt-2"),
        ),
    ),
    Family(
        ((_DIGIT, _GPT2, BYTES),),
        (
            Choice("command-r", tokens=("<BOS_TOKEN>",)),
            Choice("starcoder", clean=True),
            Choice("smollm"),
        ),
    ),
    Family(
        ((split(rx.LLAMA3), BYTES), (split(rx.CL100K), BYTES)),
        (
            Choice("chatglm-bpe", tokens=("[gMASK]",)),
            Choice("smaug-bpe"),
            Choice("llama-bpe"),
        ),
    ),
    Family(
        ((split(rx.QWEN2), BYTES),),
        (
            Choice("deepseek-r1-qwen", tokens=("<｜begin▁of▁sentence｜>",)),
            Choice("qwen2"),
        ),
    ),
    Family(((split(rx.QWEN35), BYTES),), (Choice("qwen35"),)),
    Family(((split(rx.NO_CONTRACTIONS), BYTES),), (Choice("ufakzeka"),)),
    Family(((_THREE, split(rx.MINICPM5), BYTES),), (Choice("minicpm5"),)),
    Family(
        ((split(rx.O200K), BYTES),),
        (
            Choice("granite-embed-multi-97m"),
            Choice("llama4", tokens=("<|begin_of_text|>",)),
            Choice("gpt-4o"),
        ),
    ),
    Family(((split(rx.TEKKEN), BYTES),), (Choice("tekken"),)),
    Family(
        ((_THREE, _CJK, split(rx.DEEPSEEK_WORDS), BYTES),),
        (
            Choice("hunyuan-dense", tokens=("<｜hy_begin▁of▁sentence｜>",)),
            Choice("deepseek-v3"),
        ),
    ),
    Family(((_THREE, _CJK, split(rx.SPARK_WORDS), _DIGIT, BYTES),), (Choice("spark2_5"),)),
    Family(
        # The published file splits digits singly; the name's splits keep their runs. Equal, because
        # no merge of that vocabulary joins digits.
        ((*_DEEPSEEK_LLM, _HAN, _DIGIT, BYTES), (*_DEEPSEEK_LLM, _HAN, _DIGITS, BYTES)),
        (Choice("deepseek-llm"),),
    ),
    Family(((*_DEEPSEEK_CODER, _HAN, _DIGIT, BYTES),), (Choice("deepseek-coder"),)),
    Family(
        (("Punctuation Contiguous", _GPT2, BYTES, _DIGITS, split("[0-9][0-9][0-9]")),),
        (Choice("falcon"),),
    ),
    Family(((_BLOOM, BYTES),), (Choice("poro-chat", clean=False), Choice("bloom"))),
    Family(((_BLOOM, _DIGIT, BYTES),), (Choice("viking"),)),
    Family(
        (
            (
                split("<sentinel:[0-9]+>"),
                split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"),
                split(r"([\t\n]|    |  )"),
                _DIGIT,
                "Punctuation Isolated",
                _GPT2,
                BYTES,
            ),
        ),
        (Choice("chameleon"),),
    ),
    Family(((split(rx.JAIS2), BYTES),), (Choice("jais-2"),)),
    Family(
        ((split(rx.YOUTU_SCRIPTS), split(rx.O200K_DIGIT), BYTES),),
        (Choice("youtu"),),
    ),
    Family(
        ((split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(rx.O200K), BYTES),),
        (Choice("tiny_aya"),),
    ),
    Family(((_DIGITS, split(r"(?=(\d{3})+(?!\d))"), BYTES),), (Choice("superbpe"),)),
    Family(((split(rx.BAILING), BYTES),), (Choice("bailingmoe"),)),
    Family(((split(rx.SEED), BYTES),), (Choice("seed-coder"),)),
    Family(((split(r"[^\n]+|[\n]+"), split(rx.QWEN2), BYTES),), (Choice("laguna"),)),
    Family(((split(rx.EXAONE_MOE), BYTES),), (Choice("exaone-moe"),)),
)
