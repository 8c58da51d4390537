"""What the tokenizer classes of transformers add to a folder's files: names, splits, ends.

A class is named by tokenizer_config.json or config.json, or registered for a model_type. Some
classes only read tokenizer.json; others set up parts by themselves. The table holds what
transformers 5 does (`AutoTokenizer` and the classes' constructors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from quantcli.tokenizer.files import Files, steps


@dataclass(frozen=True, slots=True)
class TokenizerClass:
    """One class, or several that do the same.

    Attributes:
        names: special token by kind where the files name none ("bos", "eos", …).
        pre: llama.cpp's name of the pre-tokenizer that the class sets up, None if tokenizer.json
            decides.
        around: kinds of the tokens that it puts before and after a text, whatever the files say;
            None when the post-processor decides, or without tokenizer.json the flags.
        separators: separators between two texts where `around` is given.
        bert: it normalizes as tokenizer_config.json's do_lower_case and its neighbours say.
        metaspace: add_prefix_space of tokenizer_config.json decides on the space before a text.
        appended: control tokens behind those of tokenizer.model.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    pre: str | None = None
    around: tuple[str | None, str | None] | None = None
    separators: int = 1
    bert: bool = False
    metaspace: bool = False
    appended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What a tokenizer's special tokens are called.

    Attributes:
        texts: text by kind ("bos", …).
        cls: the class that it is loaded as.
    """

    texts: Mapping[str, str]
    cls: TokenizerClass


GENERIC = TokenizerClass()
"""Only reads tokenizer.json: PreTrainedTokenizerFast, TokenizersBackend, any unknown one."""


def _names(bos: str = "", eos: str = "", unk: str = "", pad: str = "") -> dict[str, str]:
    named = {"bos": bos, "eos": eos, "unk": unk, "pad": pad}
    return {kind: text for kind, text in named.items() if text}


def _encoder(cls: str, sep: str, unk: str, pad: str, mask: str) -> dict[str, str]:
    return {"unk": unk, "sep": sep, "pad": pad, "cls": cls, "mask": mask}


_END = "<|endoftext|>"
_BRACKETS = _encoder("[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]")
_FAIRSEQ = _names("<s>", "</s>") | _encoder("<s>", "</s>", "<unk>", "<pad>", "<mask>")
_GPT2 = TokenizerClass(_names(_END, _END, _END), pre="gpt-2")
_BERT = TokenizerClass(_BRACKETS, around=("cls", "sep"), bert=True)
_ROBERTA = TokenizerClass(_FAIRSEQ, pre="roberta-bpe", around=("cls", "sep"), separators=2)
_XLM_ROBERTA = TokenizerClass(_FAIRSEQ, around=("bos", "eos"), separators=2)
_LLAMA = TokenizerClass(_names("<s>", "</s>", "<unk>"), metaspace=True)
_QWEN2 = _names("", _END, _END, _END)

CLASSES: dict[str, TokenizerClass] = {
    "GPT2Tokenizer": _GPT2,
    "CodeGenTokenizer": _GPT2,
    "Qwen2Tokenizer": TokenizerClass(_QWEN2, pre="qwen2"),
    "Qwen3_5Tokenizer": TokenizerClass(_QWEN2, pre="qwen35"),
    "RobertaTokenizer": _ROBERTA,
    "BartTokenizer": _ROBERTA,
    "LongformerTokenizer": _ROBERTA,
    "GPTNeoXTokenizer": TokenizerClass(
        _names(_END, _END, _END, "<|padding|>"), pre="olmo", around=(None, None)
    ),
    "CohereTokenizer": TokenizerClass(
        _encoder("<CLS>", "<SEP>", "<UNK>", "<PAD>", "<MASK_TOKEN>")
        | _names("<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>"),
        pre="command-r",
    ),
    "LlamaTokenizer": _LLAMA,
    "CodeLlamaTokenizer": _LLAMA,
    "GemmaTokenizer": TokenizerClass(
        {**_names("<bos>", "<eos>", "<unk>", "<pad>"), "mask": "<mask>"}
    ),
    "BertTokenizer": _BERT,
    "DistilBertTokenizer": _BERT,
    "ElectraTokenizer": _BERT,
    "MobileBertTokenizer": _BERT,
    "MPNetTokenizer": TokenizerClass(
        _names("<s>", "</s>") | _encoder("<s>", "</s>", "[UNK]", "<pad>", "<mask>"),
        around=("cls", "sep"),
        separators=2,
        bert=True,
    ),
    "XLMRobertaTokenizer": _XLM_ROBERTA,
    "CamembertTokenizer": _XLM_ROBERTA,
    "ChatGLMTokenizer": TokenizerClass(
        _names("<s>", "</s>", "<unk>", "<unk>"),
        appended=(
            *("[MASK]", "[gMASK]", "[sMASK]", "sop", "eop"),
            *("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
        ),
    ),
    "T5Tokenizer": TokenizerClass(_names("", "</s>", "<unk>", "<pad>"), around=(None, "eos")),
}
"""Classes by name, without "Fast" at its end."""


def _registered() -> dict[str, str]:
    table = {
        "GPT2Tokenizer": "gpt2 gpt_neo gptj codegen phi opt starcoder2 dbrx jais2",
        "Qwen2Tokenizer": "qwen2 qwen2_moe qwen2_vl qwen2_5_vl qwen3 qwen3_moe qwen3_next qwen3_vl",
        "Qwen3_5Tokenizer": "qwen3_5 qwen3_5_moe qwen3_5_text qwen3_5_moe_text",
        "RobertaTokenizer": "roberta roberta-prelayernorm xlm-roberta-base ibert longformer bart",
        "GPTNeoXTokenizer": "gpt_neox mpt olmo olmoe mamba mamba2 falcon_mamba rwkv",
        "CohereTokenizer": "cohere cohere2",
        "CodeLlamaTokenizer": "code_llama",
        "GemmaTokenizer": "gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma",
        "BertTokenizer": "bert distilbert electra nomic_bert megatron-bert",
        "MobileBertTokenizer": "mobilebert",
        "MPNetTokenizer": "mpnet",
        "XLMRobertaTokenizer": "xlm-roberta xmod jina_embeddings_v3 gte",
        "CamembertTokenizer": "camembert",
        "T5Tokenizer": "t5 mt5 switch_transformers",
        _ANY: (
            "mistral mistral3 mixtral ministral ministral3 stablelm olmo2 olmo3 granite granitemoe "
            "granitemoehybrid granitemoeshared glm glm4 glm4_moe gpt_bigcode persimmon phi3 phimoe "
            "minicpm3 internlm2 internlm3 nemotron modernbert jamba smolvlm umt5"
        ),
    }
    return {kind: name for name, kinds in table.items() for kind in kinds.split()}


_ANY = "TokenizersBackend"
BY_MODEL_TYPE = _registered()
"""config.json's model_type to the class that is registered for it."""
_MISTRAL = {"mistral", "mistral3", "mixtral", "ministral", "ministral3"}
_NOT_AS_DECLARED = {
    *("qwen2", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "phi3", "phimoe", "minicpm3"),
    *("internlm2", "internlm3", "nemotron", "modernbert", "jamba", "smolvlm"),
}
"""Kinds of models whose published files name a wrong class: the registered one is taken."""


def tokenizer_class(files: Files, config: Mapping[str, object]) -> TokenizerClass:
    """Return the class as which transformers loads the tokenizer.

    Args:
        files: the tokenizer's files.
        config: config.json.
    """
    declared = _text(files.settings.get("tokenizer_class")) or _text(config.get("tokenizer_class"))
    kind = _text(config.get("model_type"))
    registered = BY_MODEL_TYPE.get(kind, "")
    if files.tokenizer is None:
        # transformers refuses a class that only reads tokenizer.json; the model's kind tells more.
        found = CLASSES.get(declared) or CLASSES.get(registered)
        return found if found and not (kind in _MISTRAL and found.metaspace) else GENERIC
    sound = kind not in _MISTRAL | _NOT_AS_DECLARED
    if declared == "LlamaTokenizer" and sound and _byte_level(files):
        return GENERIC
    if declared and registered and declared != registered:
        if registered == _ANY:
            return GENERIC
        return CLASSES.get(registered if kind in _NOT_AS_DECLARED else declared, GENERIC)
    return CLASSES.get(declared or registered, GENERIC)


def _text(value: object) -> str:
    return value.removesuffix("Fast") if isinstance(value, str) else ""


def _byte_level(files: Files) -> bool:
    tokenizer = files.tokenizer or {}
    parts = [
        *steps(tokenizer.get("pre_tokenizer"), "pretokenizers"),
        *steps(tokenizer.get("decoder"), "decoders"),
        *steps(tokenizer.get("post_processor"), "processors"),
    ]
    return any(step.get("type") == "ByteLevel" for step in parts)
