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
        no_bos: there is no bos token unless a key names it.
        escapes: a space is written as SentencePiece's letter, and bytes have no letters.
        cleans: spaces before punctuation are left out of detokenized texts.
    """

    ignore_merges: bool = False
    add_bos: bool = False
    add_sep: bool = False
    no_bos: bool = False
    escapes: bool = False
    cleans: bool = False


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


_LLAMA3 = Flags(ignore_merges=True, add_bos=True, cleans=True)
_BY_FLAGS: tuple[tuple[Flags, str], ...] = (
    (
        Flags(cleans=True),
        (
            "default dbrx smaug-bpe stablelm2 megrez gpt-2 phi-2 jina-es jina-de jina-v2-es "
            "jina-v2-de gigachat a.x-4.0 mellum modern-bert exaone4 mpt olmo jais starcoder "
            "refact codeshell exaone minerva-7b mellum2 falcon bloom gpt3-finnish jais-2 "
            "exaone-moe whitespace"
        ),
    ),
    (
        Flags(),
        (
            "qwen2 deepseek-r1-qwen kormo f2llmv2 hunyuan solar-open grok-2 qwen35 ufakzeka "
            "gpt-4o llama4 kanana2 talkie minimax-m2 tiny_aya cohere2moe deepseek-llm "
            "deepseek-coder deepseek-v3 hunyuan-dense joyai-llm hy_v4 spark2_5 trillion "
            "granite-docling command-r smollm poro-chat viking superbpe bailingmoe bailingmoe2 "
            "llada-moe seed-coder afmoe laguna kimi-k2 k2-horizon"
        ),
    ),
    (_LLAMA3, "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano"),
    (Flags(ignore_merges=True, add_bos=True), "tekken"),
    (Flags(ignore_merges=True, cleans=True), "minicpm5"),
    (Flags(ignore_merges=True), "youtu granite-embed-multi-97m"),
    (Flags(ignore_merges=True, no_bos=True, cleans=True), "glm4 glm5"),
    (Flags(no_bos=True, cleans=True), "chatglm-bpe"),
    (Flags(add_sep=True, cleans=True), "roberta-bpe jina-v1-en jina-v2-code"),
    (Flags(add_bos=True), "chameleon"),
    (Flags(add_bos=True, escapes=True), "gemma4 granite-embed-multi-311m"),
    (Flags(escapes=True), "mmbert sarvam-moe"),
)
NAMES = {name: flags for flags, names in _BY_FLAGS for name in names.split()}
"""Every name that llama.cpp's loader accepts for a BPE, and what it assumes for it."""
OTHER_NAMES = frozenset(("bert-bge", "bert-bge-large", "jina-v2-en"))
"""Names that its converter writes for WordPiece, of which the loader reads none."""

_DEEPSEEK_CODER = (split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"))
_DEEPSEEK_LLM = (
    split(r"[\r\n]"),
    split(rx.DEEPSEEK_LETTERS),
    split(rx.DEEPSEEK_PUNCTUATION),
    split(r"\s+$"),
)
_HAN = split(rx.DEEPSEEK_HAN)
_DIGIT, _DIGITS, _THREE = split(r"\p{N}"), split(r"\p{N}+"), split(r"\p{N}{1,3}")
_WORDS = split(rx.DEEPSEEK_WORDS)
_GPT2, _BLOOM, _CJK = split(rx.GPT2), split(rx.BLOOM), split(rx.DEEPSEEK_CJK)

FAMILIES: tuple[Family, ...] = (
    Family(
        ((_GPT2, BYTES),),
        (
            Choice("roberta-bpe", processor="RobertaProcessing"),
            Choice("modern-bert", tokens=("<|padding|>", "[MASK]")),
            Choice("olmo", tokens=("<|padding|>",)),
            Choice("exaone4", tokens=("[|endofturn|]",)),
            Choice("phi-2", tokens=(" " * 31, "\t" * 9)),
            Choice("gpt-2"),
        ),
    ),
    Family(
        ((_DIGIT, _GPT2, BYTES),),
        (
            Choice("command-r", tokens=("<BOS_TOKEN>",)),
            Choice("exaone", tokens=("[|endofturn|]",)),
            Choice("starcoder", clean=True),
            Choice("smollm"),
        ),
    ),
    Family(
        ((split(rx.LLAMA3), BYTES), (split(rx.CL100K), BYTES)),
        (
            Choice("chatglm-bpe", tokens=("[gMASK]",)),
            Choice("glm4", tokens=("[gMASK]",)),
            Choice("smaug-bpe", tokens=("<|begin_of_text|>",)),
            Choice("dbrx"),
            Choice("lfm2", tokens=("<|startoftext|>", "<|im_start|>")),
            Choice("llama-bpe"),
        ),
    ),
    Family(
        ((split(rx.QWEN2), BYTES),),
        (
            Choice("deepseek-r1-qwen", tokens=("<｜begin▁of▁sentence｜>",)),
            Choice("solar-open", tokens=("<|flush|>", "<|calls|>")),
            Choice("hunyuan", tokens=("<|startoftext|>", "<|extra_204|>")),
            Choice("stablelm2", tokens=("<|reg0|>", "<|extra0|>")),
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
            Choice("minimax-m2", tokens=("]~b]", "[e~[")),
            Choice("gpt-4o"),
        ),
    ),
    Family(((split(rx.TEKKEN), BYTES),), (Choice("tekken"),)),
    Family(
        ((_THREE, _CJK, _WORDS, BYTES),),
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
        tuple((split(digits), split(rx.O200K), BYTES) for digits in rx.THREES),
        (Choice("tiny_aya"),),
    ),
    Family(((_DIGITS, split(r"(?=(\d{3})+(?!\d))"), BYTES),), (Choice("superbpe"),)),
    Family(((split(rx.BAILING), BYTES),), (Choice("bailingmoe"),)),
    Family(((split(rx.SEED), BYTES),), (Choice("seed-coder"),)),
    Family(((split(r"[^\n]+|[\n]+"), split(rx.QWEN2), BYTES),), (Choice("laguna"),)),
    Family(((split(rx.EXAONE_MOE), BYTES),), (Choice("exaone-moe"),)),
    Family(
        tuple(
            (split(digits), split(scripts), _WORDS, BYTES)
            for digits in rx.THREES[1:]
            for scripts in rx.AFMOE_SCRIPTS
        ),
        (Choice("afmoe"),),
    ),
    Family(((split(rx.KIMI), BYTES),), (Choice("kimi-k2"),)),
    Family(
        tuple((split(pattern), BYTES) for pattern in rx.K2_HORIZON),
        (Choice("k2-horizon"),),
    ),
)
