"""Tiny random Hugging Face checkpoints of every architecture: a few layers, real file formats.

All numbers come from numpy generators with fixed seeds, so the same call writes the same bytes.
Needs neither torch nor transformers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

Shapes = dict[str, tuple[int, ...]]
DTYPES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}


@dataclass(frozen=True)
class Size:
    """Dimensions of a tiny model; the defaults leave every row length off the 256 of k-quants."""

    width: int = 96
    inner: int = 160
    layers: int = 2
    heads: int = 4
    heads_kv: int = 2
    context: int = 64


SMALL = Size()
# Every matrix takes k-quants.
WIDE = Size(width=256, inner=512, heads=4, heads_kv=2)


# ---------------------------------------------------------------------------------- tokenizers
GPT2_PATTERN = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def _split(pattern: str) -> dict[str, Any]:
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    return {
        "type": "Sequence",
        "pretokenizers": [split, {**GPT2_PATTERN, "use_regex": False}],
    }


def byte_letters() -> list[str]:
    """Return the letter that byte-level BPE writes for each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(spare)) for b in range(256)]


def write_bpe(
    folder: Path,
    pre_tokenizer: Mapping[str, Any],
    special: tuple[str, ...],
    *,
    like_llama3: bool = False,
) -> int:
    """Write the files of a byte-level BPE tokenizer; return the token count.

    Llama 3's looks whole words up before merging, and puts its first special token before a text.
    """
    letters = byte_letters()
    space = letters[32]
    merges = ["t h", "h e", "i n", "e r", f"{space} t", f"{space}t he", "th e", "a n", "an d"]
    merges += [f"{space} a", "l l", "o n", "r e", f"{space} s", "1 2", "Ã ©", f"{space} {space}"]
    tokens = letters + ["".join(pair.split(" ")) for pair in merges]
    vocab = {token: number for number, token in enumerate(tokens)}
    added = [
        {
            "id": len(vocab) + i,
            "content": content,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i, content in enumerate(special)
    ]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": like_llama3,
        "vocab": vocab,
        "merges": merges,
    }
    byte_level = {**GPT2_PATTERN, "use_regex": True}
    _write_json(
        folder / "tokenizer.json",
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": None,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": _first_token(added[0]) if like_llama3 else byte_level,
            "decoder": byte_level,
            "model": model,
        },
    )
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": special[0],
            "eos_token": special[-1],
            "model_max_length": 64,
            "clean_up_tokenization_spaces": False,
            "chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}",
        },
    )
    return len(vocab) + len(added)


def _first_token(token: Mapping[str, Any]) -> dict[str, Any]:
    """Return the post-processor that puts `token` before every text."""
    name = token["content"]
    before = [{"SpecialToken": {"id": name, "type_id": i}} for i in (0, 1)]
    text = [{"Sequence": {"id": letter, "type_id": i}} for i, letter in enumerate("AB")]
    return {
        "type": "TemplateProcessing",
        "single": [before[0], text[0]],
        "pair": [before[0], text[0], before[1], text[1]],
        "special_tokens": {name: {"id": name, "ids": [token["id"]], "tokens": [name]}},
    }


def write_wordpiece(folder: Path) -> int:
    """Write the files of a lower-casing WordPiece tokenizer; return the token count."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(c) for c in range(97, 123)] + list("0123456789.,!?-")
    tokens = [*special, *letters, *(f"##{c}" for c in letters), "the", "and", "##ing", "##er"]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    added = [
        {
            "id": i,
            "content": content,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i, content in enumerate(special)
    ]
    _write_json(
        folder / "tokenizer.json",
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
                "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [
                    {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                    {"Sequence": {"id": "A", "type_id": 0}},
                    {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                ],
                "pair": [
                    {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                    {"Sequence": {"id": "A", "type_id": 0}},
                    {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                    {"Sequence": {"id": "B", "type_id": 1}},
                    {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
                ],
                "special_tokens": {
                    "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                    "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
                },
            },
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {token: number for number, token in enumerate(tokens)},
            },
        },
    )
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": True,
            "unk_token": "[UNK]",
            "sep_token": "[SEP]",
            "pad_token": "[PAD]",
            "cls_token": "[CLS]",
            "mask_token": "[MASK]",
            "model_max_length": 64,
        },
    )
    return len(tokens)


# ------------------------------------------------------------------------------------- tensors
def _decoder_layer(prefix: str, size: Size, head: int, *, biases: tuple[str, ...]) -> Shapes:
    """Return a Llama-like layer's shapes; `biases` are the projections that have one."""
    wide, narrow = size.heads * head, size.heads_kv * head
    outputs = {
        "self_attn.q_proj": (wide, size.width),
        "self_attn.k_proj": (narrow, size.width),
        "self_attn.v_proj": (narrow, size.width),
        "self_attn.o_proj": (size.width, wide),
        "mlp.gate_proj": (size.inner, size.width),
        "mlp.up_proj": (size.inner, size.width),
        "mlp.down_proj": (size.width, size.inner),
    }
    shapes: Shapes = {
        f"{prefix}input_layernorm.weight": (size.width,),
        f"{prefix}post_attention_layernorm.weight": (size.width,),
    }
    for name, shape in outputs.items():
        shapes[f"{prefix}{name}.weight"] = shape
        if name.rpartition(".")[2] in biases:
            shapes[f"{prefix}{name}.bias"] = shape[:1]
    return shapes


def _decoder(
    size: Size,
    vocab: int,
    *,
    tied: bool = True,
    biases: tuple[str, ...] = (),
    head: int | None = None,
    head_norms: bool = False,
) -> Shapes:
    head = head or size.width // size.heads
    shapes: Shapes = {"model.embed_tokens.weight": (vocab, size.width)}
    for layer in range(size.layers):
        prefix = f"model.layers.{layer}."
        shapes |= _decoder_layer(prefix, size, head, biases=biases)
        if head_norms:
            shapes[f"{prefix}self_attn.q_norm.weight"] = (head,)
            shapes[f"{prefix}self_attn.k_norm.weight"] = (head,)
    shapes["model.norm.weight"] = (size.width,)
    if not tied:
        shapes["lm_head.weight"] = (vocab, size.width)
    return shapes


def _gpt2_shapes(size: Size, vocab: int) -> Shapes:
    n = size.width
    shapes: Shapes = {
        "transformer.wte.weight": (vocab, n),
        "transformer.wpe.weight": (size.context, n),
    }
    for layer in range(size.layers):
        matrices = {
            "attn.c_attn": (n, 3 * n),
            "attn.c_proj": (n, n),
            "mlp.c_fc": (n, 4 * n),
            "mlp.c_proj": (4 * n, n),
        }
        prefix = f"transformer.h.{layer}."
        for name, shape in matrices.items():
            shapes |= {f"{prefix}{name}.weight": shape, f"{prefix}{name}.bias": shape[1:]}
        for name in ("ln_1", "ln_2"):
            shapes |= {f"{prefix}{name}.weight": (n,), f"{prefix}{name}.bias": (n,)}
    return {**shapes, "transformer.ln_f.weight": (n,), "transformer.ln_f.bias": (n,)}


def _bert_shapes(size: Size, vocab: int) -> Shapes:
    n = size.width
    shapes: Shapes = {
        "embeddings.word_embeddings.weight": (vocab, n),
        "embeddings.position_embeddings.weight": (size.context, n),
        "embeddings.token_type_embeddings.weight": (2, n),
        "embeddings.LayerNorm.weight": (n,),
        "embeddings.LayerNorm.bias": (n,),
    }
    for layer in range(size.layers):
        matrices = {
            "attention.self.query": (n, n),
            "attention.self.key": (n, n),
            "attention.self.value": (n, n),
            "attention.output.dense": (n, n),
            "intermediate.dense": (size.inner, n),
            "output.dense": (n, size.inner),
        }
        prefix = f"encoder.layer.{layer}."
        for name, shape in matrices.items():
            shapes |= {f"{prefix}{name}.weight": shape, f"{prefix}{name}.bias": shape[:1]}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{prefix}{name}.weight": (n,), f"{prefix}{name}.bias": (n,)}
    return {**shapes, "pooler.dense.weight": (n, n), "pooler.dense.bias": (n,)}


def _classifier_shapes(size: Size, vocab: int) -> Shapes:
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    shapes: Shapes = {}
    for name, shape in _bert_shapes(size, vocab).items():
        for new, former in old.items():
            name = name.replace(new, former)  # noqa: PLW2901 - two renamings in a row
        shapes[f"bert.{name}"] = shape
    return {**shapes, "classifier.weight": (3, size.width), "classifier.bias": (3,)}


# ------------------------------------------------------------------------------------- models
def _decoder_config(size: Size, vocab: int, hf: str, kind: str, **extra: Any) -> dict[str, Any]:
    return {
        "architectures": [hf],
        "model_type": kind,
        "hidden_size": size.width,
        "intermediate_size": size.inner,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads_kv,
        "max_position_embeddings": size.context,
        "rms_norm_eps": 1e-5,
        "vocab_size": vocab,
        **extra,
    }


_LLAMA3_SCALING = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
_YARN = {
    "type": "yarn",
    "factor": 4.0,
    "original_max_position_embeddings": 32,
    "beta_fast": 32.0,
    "attention_factor": 1.1,
}
_CARD = """---
license: apache-2.0
language:
- en
- no
tags:
- tiny
pipeline_tag: text-generation
base_model: Example-Org/Tiny-Base-7B-v0.3
datasets:
- example/made-up
---
# A model card
"""
_SAMPLING = '{"temperature": 0.7, "top_k": 20, "top_p": 0.8, "bos_token_id": 1}'
_QKV = ("q_proj", "k_proj", "v_proj")
_ALL = (*_QKV, "o_proj", "gate_proj", "up_proj", "down_proj")
_ENDS = ("<|begin|>", "<|end|>")


@dataclass(frozen=True)
class Tiny:
    """One kind of checkpoint.

    Attributes:
        arch: GGUF name of its architecture.
        pre: llama.cpp's name of its pre-tokenizer.
        config: (size, rows of the embedding) → config.json.
        shapes: (size, rows of the embedding) → tensor shapes by name, in file order.
        tokenizer: writes the tokenizer's files into a folder and returns the token count.
        files: further files: name → text.
    """

    arch: str
    pre: str
    config: Callable[[Size, int], dict[str, Any]]
    shapes: Callable[[Size, int], Shapes]
    tokenizer: Callable[[Path], int]
    files: Mapping[str, str] = field(default_factory=dict)


def _llama(**extra: Any) -> Callable[[Size, int], dict[str, Any]]:
    return lambda size, vocab: _decoder_config(size, vocab, "LlamaForCausalLM", "llama", **extra)


def _llama_bpe(folder: Path) -> int:
    return write_bpe(folder, _split(_LLAMA3), _ENDS, like_llama3=True)


def _qwen_bpe(folder: Path) -> int:
    return write_bpe(folder, _split(_QWEN2), ("<|endoftext|>", "<|im_start|>", "<|im_end|>"))


def _gpt2_config(size: Size, vocab: int) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": size.width,
        "n_layer": size.layers,
        "n_head": size.heads,
        "n_positions": size.context,
        "n_ctx": size.context,
        "layer_norm_epsilon": 1e-5,
        "vocab_size": vocab,
    }


def _bert_config(size: Size, vocab: int) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": size.width,
        "intermediate_size": size.inner,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "max_position_embeddings": size.context,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "vocab_size": vocab,
    }


MODELS: dict[str, Tiny] = {
    "llama": Tiny(
        "llama",
        "llama-bpe",
        _llama(rope_theta=500000.0, rope_scaling=_LLAMA3_SCALING, tie_word_embeddings=True),
        _decoder,
        _llama_bpe,
    ),
    "llama_untied_biases": Tiny(
        "llama",
        "llama-bpe",
        _llama(
            rope_scaling={"type": "linear", "factor": 2.0},
            head_dim=32,
            attention_bias=True,
            mlp_bias=True,
        ),
        lambda size, vocab: _decoder(size, vocab, tied=False, biases=_ALL, head=32),
        _llama_bpe,
    ),
    "mistral": Tiny(
        "llama",
        "llama-bpe",
        lambda size, vocab: _decoder_config(
            size, vocab, "MistralForCausalLM", "mistral", rope_theta=1e6, sliding_window=32
        ),
        lambda size, vocab: _decoder(size, vocab, tied=False),
        _llama_bpe,
        {"README.md": _CARD, "generation_config.json": _SAMPLING},
    ),
    # The bare decoder saves its tensors without "model.".
    "llama_headless": Tiny(
        "llama",
        "llama-bpe",
        lambda size, vocab: _decoder_config(size, vocab, "LlamaModel", "llama"),
        lambda size, vocab: {
            name.removeprefix("model."): shape for name, shape in _decoder(size, vocab).items()
        },
        _llama_bpe,
    ),
    "qwen2": Tiny(
        "qwen2",
        "qwen2",
        lambda size, vocab: _decoder_config(
            size,
            vocab,
            "Qwen2ForCausalLM",
            "qwen2",
            rope_theta=1e6,
            rope_scaling=_YARN,
            tie_word_embeddings=True,
        ),
        lambda size, vocab: _decoder(size, vocab, biases=_QKV),
        _qwen_bpe,
    ),
    "qwen3": Tiny(
        "qwen3",
        "qwen2",
        lambda size, vocab: _decoder_config(
            size, vocab, "Qwen3ForCausalLM", "qwen3", rope_theta=1e6, head_dim=32
        ),
        lambda size, vocab: _decoder(size, vocab, tied=False, head=32, head_norms=True),
        _qwen_bpe,
    ),
    "gpt2": Tiny(
        "gpt2",
        "gpt-2",
        _gpt2_config,
        _gpt2_shapes,
        lambda folder: write_bpe(folder, {**GPT2_PATTERN, "use_regex": True}, ("<|endoftext|>",)),
    ),
    "bert": Tiny("bert", "jina-v2-en", _bert_config, _bert_shapes, write_wordpiece),
    # The names of the first released checkpoints, and a head with named classes.
    "bert_classifier": Tiny(
        "bert",
        "jina-v2-en",
        lambda size, vocab: {
            **_bert_config(size, vocab),
            "architectures": ["BertForSequenceClassification"],
            "id2label": {"0": "no", "1": "perhaps", "2": "yes"},
            "label2id": {"no": 0, "perhaps": 1, "yes": 2},
        },
        _classifier_shapes,
        write_wordpiece,
    ),
}


def write_tiny(
    name: str,
    folder: Path,
    *,
    size: Size = SMALL,
    dtype: str = "F32",
    shards: int = 1,
    seed: int = 1,
) -> Path:
    """Write the checkpoint MODELS[name] into `folder`, which is made, and return it.

    The embedding has a few rows more than there are tokens, so the vocabulary must be padded.
    """
    tiny = MODELS[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokens = tiny.tokenizer(folder)
    # A WordPiece vocabulary is never padded: BERT's embedding has one row a token.
    vocab = tokens if tiny.arch == "bert" else -(-(tokens + 1) // 8) * 8
    config = tiny.config(size, vocab)
    _write_json(folder / "config.json", {**config, "torch_dtype": "float32"})
    for file, text in tiny.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    if tiny.arch == "bert":
        _write_sentence_transformer(folder, size)
    write_tensors(folder, random_tensors(tiny.shapes(size, vocab), dtype, seed), shards)
    return folder


def random_tensors(shapes: Shapes, dtype: str, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return tensors of plausible values: norms about 1, everything else small and normal."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in shapes.items():
        values = 0.05 * rng.standard_normal(shape)
        is_norm = "norm" in name.lower() or ".ln_" in name
        values += 1.0 if is_norm and name.endswith(("weight", "gamma")) else 0.0
        tensors[name] = values.astype(DTYPES[dtype])
    return tensors


def write_tensors(
    folder: Path, tensors: Mapping[str, np.ndarray[Any, Any]], shards: int = 1
) -> None:
    """Write tensors as model.safetensors, or as `shards` files with an index."""
    if shards == 1:
        save_file(dict(tensors), folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = list(tensors)
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = names[shard * len(names) // shards : (shard + 1) * len(names) // shards]
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    _write_json(folder / "model.safetensors.index.json", index)


def _write_sentence_transformer(folder: Path, size: Size) -> None:
    """Write the files that make a BERT folder one of sentence-transformers, with mean pooling."""
    names = ("Transformer", "Pooling", "Normalize")
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": "" if i == 0 else f"{i}_{name}",
            "type": f"sentence_transformers.models.{name}",
        }
        for i, name in enumerate(names)
    ]
    _write_json(folder / "modules.json", modules)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {
        "word_embedding_dimension": size.width,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
    }
    _write_json(folder / "1_Pooling" / "config.json", pooling)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
