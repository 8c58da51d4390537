"""Checkpoint folders as values: files and tensors that a case changes before they are written.

Nothing is trained and nothing is drawn without a seed, so that the same case writes the same bytes
with every version of the libraries. Needs numpy, ml_dtypes and safetensors only.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

Array = np.ndarray[Any, Any]
Tensors = dict[str, Array]
Json = dict[str, Any]
F32 = np.dtype(np.float32)
BF16 = np.dtype(ml_dtypes.bfloat16)
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ABSENT = ...
"""As a value of `config`: the field is left out."""


@dataclass
class Folder:
    """A checkpoint that is not written yet.

    Attributes:
        files: path in the folder → JSON value, text or bytes.
        stores: path of a safetensors file → its tensors.
        size: tokens of the vocabulary, added ones included.
    """

    files: dict[str, Any] = field(default_factory=dict)
    stores: dict[str, Tensors] = field(default_factory=dict)
    size: int = 0

    @property
    def config(self) -> Json:
        found: Json = self.files["config.json"]
        return found

    @property
    def tokenizer(self) -> Json:
        found: Json = self.files["tokenizer.json"]
        return found

    @property
    def said(self) -> Json:
        """tokenizer_config.json."""
        found: Json = self.files["tokenizer_config.json"]
        return found

    @property
    def tensors(self) -> Tensors:
        return self.stores[WEIGHTS]

    def change(self, **config: Any) -> Folder:
        """Set fields of config.json; ABSENT removes one."""
        for name, value in config.items():
            if value is ABSENT:
                self.config.pop(name, None)
            else:
                self.config[name] = value
        return self

    def say(self, **fields: Any) -> Folder:
        """Set fields of tokenizer_config.json; ABSENT removes one."""
        for name, value in fields.items():
            if value is ABSENT:
                self.said.pop(name, None)
            else:
                self.said[name] = value
        return self

    def put(self, files: Mapping[str, Any]) -> Folder:
        """Add files: path → JSON value, text or bytes."""
        self.files.update(files)
        return self

    def drop(self, *files: str) -> Folder:
        """Leave files out."""
        for name in files:
            del self.files[name]
        return self

    def store(self, tensors: Mapping[str, Array], file: str = WEIGHTS) -> Folder:
        """Add tensors to a safetensors file."""
        self.stores.setdefault(file, {}).update(tensors)
        return self

    def rename(self, rule: Callable[[str], str]) -> Folder:
        """Rename every tensor."""
        self.stores[WEIGHTS] = {rule(name): tensor for name, tensor in self.tensors.items()}
        return self

    def shard(
        self, count: int = 2, *, folder: str = "", keep: bool = False, unnamed: Iterable[str] = ()
    ) -> Folder:
        """Spread the tensors over `count` files with an index, in which `unnamed` are missing."""
        tensors = self.tensors if keep else self.stores.pop(WEIGHTS)
        names, weight_map = list(tensors), {}
        for number in range(count):
            file = f"{folder}model-{number + 1:05d}-of-{count:05d}.safetensors"
            part = names[number * len(names) // count : (number + 1) * len(names) // count]
            self.stores[file] = {name: tensors[name] for name in part}
            weight_map.update(dict.fromkeys(part, file))
        for name in unnamed:
            del weight_map[name]
        total = sum(tensor.nbytes for tensor in tensors.values())
        self.files[INDEX] = {"metadata": {"total_size": total}, "weight_map": weight_map}
        return self

    def write(self, root: Path) -> Path:
        """Write everything below `root`, which is made, and return it."""
        root.mkdir(parents=True, exist_ok=True)
        for name, value in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(value, bytes):
                path.write_bytes(value)
            elif isinstance(value, str):
                path.write_text(value, encoding="utf-8", newline="")
            else:
                path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        for name, tensors in self.stores.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            contiguous = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
            # ascontiguousarray gives a scalar a dimension.
            shaped = {key: value.reshape(tensors[key].shape) for key, value in contiguous.items()}
            save_file(shaped, path, metadata={"format": "pt"})
        return root


# ---------------------------------------------------------------------------- byte-level BPE
WORDS = ["the", "cat", "sat", "on", "and", "hat", "hello", "world", "test", "of", "token"]
WORDS += ["He", "wo", "12", "345"]
GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def added(number: int, text: str, *, special: bool = True) -> Json:
    """An entry of added_tokens."""
    return {
        "id": number,
        "content": text,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": special,
    }


def decoder_entry(number: int, text: str, *, special: bool = True) -> Json:
    """An entry of added_tokens_decoder under its number."""
    entry = added(number, text, special=special)
    del entry["id"]
    return {str(number): entry}


def split(pattern: str) -> Json:
    """The pre-tokenizer that splits by `pattern` and then writes bytes as letters."""
    step = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [step, {**GPT2, "use_regex": False}]}


def template(before: Iterable[Json] = (), after: Iterable[Json] = ()) -> Json:
    """The post-processor that puts added tokens around every text."""
    ends = [list(before), list(after)]

    def around(letter: str, segment: int) -> list[Json]:
        first, last = (
            [{"SpecialToken": {"id": t["content"], "type_id": segment}} for t in end]
            for end in ends
        )
        return [*first, {"Sequence": {"id": letter, "type_id": segment}}, *last]

    special = {
        t["content"]: {"id": t["content"], "ids": [t["id"]], "tokens": [t["content"]]}
        for end in ends
        for t in end
    }
    return {
        "type": "TemplateProcessing",
        "single": around("A", 0),
        "pair": [*around("A", 0), *around("B", 1)],
        "special_tokens": special,
    }


def byte_letters() -> list[str]:
    """The letter that byte-level BPE writes for each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(spare)) for b in range(256)]


def chains(words: Iterable[str]) -> list[tuple[str, str]]:
    """Merges that put every word together letter by letter, each pair once."""
    pairs = {(word[:k], word[k]): None for word in words for k in range(1, len(word))}
    return list(pairs)


def bpe(special: Iterable[str], pre: Json, *, first: bool = False) -> tuple[Json, int]:
    """tokenizer.json of a byte-level BPE, and its number of ids.

    `first`: like Llama 3's, it puts the first special token before every text and looks whole words
    up before merging.
    """
    space = byte_letters()[32]
    merges = chains([*WORDS, *(space + word for word in WORDS), space * 2, "Ã©"])
    tokens = list(dict.fromkeys([*byte_letters(), *(a + b for a, b in merges)]))
    vocab = {token: number for number, token in enumerate(tokens)}
    more = [added(len(vocab) + i, text) for i, text in enumerate(special)]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": first,
        "vocab": vocab,
        "merges": [list(pair) for pair in merges],
    }
    value = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": more,
        "normalizer": None,
        "pre_tokenizer": copy.deepcopy(pre),
        "post_processor": template([more[0]]) if first else None,
        "decoder": dict(GPT2),
        "model": model,
    }
    return value, len(vocab) + len(more)


# ----------------------------------------------------------------------------- SentencePiece
SPACE = "\u2581"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'-"
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
Piece = tuple[str, float, int]


def pieces(words: Iterable[str] = WORDS) -> list[Piece]:
    """Text, score and type of each piece of a SentencePiece BPE with byte fallback."""
    found: list[Piece] = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    found += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    merged = dict.fromkeys(a + b for a, b in chains([*(SPACE + w for w in words), *words]))
    texts = [*merged, SPACE, *LETTERS]
    found += [(text, -float(rank), NORMAL) for rank, text in enumerate(texts)]
    return found


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _length(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def sentencepiece_model(found: Iterable[Piece], *, dummy_prefix: bool = True) -> bytes:
    """A SentencePiece model file (protocol buffers): BPE, no normalization."""
    out = b""
    for text, score, kind in found:
        body = _length(1, text.encode()) + b"\x15" + struct.pack("<f", score)
        out += _length(1, body + (_number(3, kind) if kind != NORMAL else b""))
    trainer = _number(3, 2) + _number(35, 1)  # model_type BPE, byte_fallback
    trainer += (
        _number(40, 0) + _number(41, 1) + _number(42, 2) + _number(43, -1)
    )  # unk, bos, eos, pad
    normalizer = _length(1, b"identity") + _number(3, int(dummy_prefix)) + _number(4, 0)
    return out + _length(2, trainer) + _length(3, normalizer)


def spm_json(found: Iterable[Piece], extra: Iterable[tuple[str, bool]] = ()) -> Json:
    """tokenizer.json that says the same as the pieces, with further added tokens."""
    listed = list(found)
    vocab = {text: number for number, (text, _, _) in enumerate(listed)}
    normal = {text: score for text, score, kind in listed if kind == NORMAL}
    merges = [
        [text[:k], text[k:]]
        for text in sorted(normal, key=lambda text: -normal[text])
        for k in range(1, len(text))
        if text[:k] in normal and text[k:] in normal
    ]
    control = [added(number, listed[number][0]) for number in range(3)]
    more = [added(len(listed) + i, text, special=s) for i, (text, s) in enumerate(extra)]
    prepend = {"type": "Prepend", "prepend": SPACE}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": "<unk>",
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": vocab,
        "merges": merges,
    }
    steps = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [*control, *more],
        "normalizer": {"type": "Sequence", "normalizers": [prepend, replace]},
        "pre_tokenizer": None,
        "post_processor": template([control[1]]),
        "decoder": {"type": "Sequence", "decoders": steps},
        "model": model,
    }


# --------------------------------------------------------------------------------- WordPiece
BERT_SPECIAL = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


def wordpieces() -> list[str]:
    """A vocabulary with both cases and an accent, so that each way to normalize shows."""
    letters = [*LETTERS.replace("'", ""), "\u00e9"]
    words = ["the", "The", "cat", "Cat", "berlin", "Berlin", "caf", "Caf", "##ing", "##at"]
    return [
        *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        *letters,
        *("##" + letter for letter in letters),
        *words,
    ]


def wordpiece_json(vocab: list[str], *, lowercase: bool = True, strip: bool | None = None) -> Json:
    """tokenizer.json of a WordPiece tokenizer as BERT's."""
    special = [added(number, text) for number, text in enumerate(vocab[:5])]
    processor = template([special[2]], [special[3]])
    # BERT's second text has no [CLS] of its own.
    del processor["pair"][3]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": strip,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": processor,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {text: number for number, text in enumerate(vocab)},
        },
    }


# ------------------------------------------------------------------------------------ weights
WIDTH, INNER, LAYERS, HEADS, HEADS_KV, HEAD, CONTEXT = 64, 96, 2, 4, 2, 16, 64
QKV = ("q_proj", "k_proj", "v_proj")


@dataclass
class Draw:
    """Random weights, large enough that attention is far from uniform."""

    seed: int = 0
    dtype: np.dtype[Any] = F32

    def __post_init__(self) -> None:
        self._rng = np.random.Generator(np.random.PCG64(self.seed))

    def matrix(self, *shape: int, scale: float | None = None) -> Array:
        """Normal values whose size keeps a row's product with a normalized vector about 1.5."""
        spread = 1.5 / np.sqrt(shape[-1]) if scale is None else scale
        return (spread * self._rng.standard_normal(shape)).astype(self.dtype)

    def norm(self, size: int) -> Array:
        return (1 + 0.1 * self._rng.standard_normal(size)).astype(self.dtype)

    def bias(self, size: int) -> Array:
        return self.matrix(size, scale=0.1)


def llama_tensors(
    rows: int,
    *,
    tied: bool = True,
    biases: Iterable[str] = (),
    layers: int = LAYERS,
    inner: int = INNER,
    dtype: np.dtype[Any] = F32,
    seed: int = 0,
) -> Tensors:
    """Tensors of a Llama-like decoder under Hugging Face's names."""
    draw = Draw(seed, dtype)
    tensors = {"model.embed_tokens.weight": draw.matrix(rows, WIDTH, scale=0.3)}
    wide, narrow = HEADS * HEAD, HEADS_KV * HEAD
    shapes = {
        "self_attn.q_proj": (wide, WIDTH),
        "self_attn.k_proj": (narrow, WIDTH),
        "self_attn.v_proj": (narrow, WIDTH),
        "self_attn.o_proj": (WIDTH, wide),
        "mlp.gate_proj": (inner, WIDTH),
        "mlp.up_proj": (inner, WIDTH),
        "mlp.down_proj": (WIDTH, inner),
    }
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        for name, shape in shapes.items():
            tensors[f"{prefix}{name}.weight"] = draw.matrix(*shape)
            if name.rpartition(".")[2] in biases:
                tensors[f"{prefix}{name}.bias"] = draw.bias(shape[0])
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{prefix}{name}.weight"] = draw.norm(WIDTH)
    tensors["model.norm.weight"] = draw.norm(WIDTH)
    if not tied:
        tensors["lm_head.weight"] = draw.matrix(rows, WIDTH, scale=0.3)
    return tensors


def gpt2_tensors(rows: int, *, positions: int = CONTEXT, inner: int = 4 * WIDTH) -> Tensors:
    """Tensors of a GPT-2 under Hugging Face's names."""
    draw = Draw(1)
    tensors = {
        "transformer.wte.weight": draw.matrix(rows, WIDTH, scale=0.3),
        "transformer.wpe.weight": draw.matrix(positions, WIDTH, scale=0.3),
    }
    matrices = {
        "attn.c_attn": (WIDTH, 3 * WIDTH),
        "attn.c_proj": (WIDTH, WIDTH),
        "mlp.c_fc": (WIDTH, inner),
        "mlp.c_proj": (inner, WIDTH),
    }
    for layer in range(LAYERS):
        prefix = f"transformer.h.{layer}."
        for name, shape in matrices.items():
            tensors[f"{prefix}{name}.weight"] = draw.matrix(*shape, scale=1.5 / np.sqrt(shape[0]))
            tensors[f"{prefix}{name}.bias"] = draw.bias(shape[1])
        for name in ("ln_1", "ln_2"):
            tensors[f"{prefix}{name}.weight"] = draw.norm(WIDTH)
            tensors[f"{prefix}{name}.bias"] = draw.bias(WIDTH)
    tensors["transformer.ln_f.weight"] = draw.norm(WIDTH)
    tensors["transformer.ln_f.bias"] = draw.bias(WIDTH)
    return tensors


def bert_tensors(rows: int, *, prefix: str = "", positions: int = CONTEXT) -> Tensors:
    """Tensors of a BERT, with its pooler, under Hugging Face's names."""
    draw = Draw(2)
    tensors = {
        "embeddings.word_embeddings.weight": draw.matrix(rows, WIDTH, scale=0.3),
        "embeddings.position_embeddings.weight": draw.matrix(positions, WIDTH, scale=0.3),
        "embeddings.token_type_embeddings.weight": draw.matrix(2, WIDTH, scale=0.3),
        "embeddings.LayerNorm.weight": draw.norm(WIDTH),
        "embeddings.LayerNorm.bias": draw.bias(WIDTH),
    }
    matrices = {
        "attention.self.query": (WIDTH, WIDTH),
        "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (INNER, WIDTH),
        "output.dense": (WIDTH, INNER),
    }
    for layer in range(LAYERS):
        stem = f"encoder.layer.{layer}."
        for name, shape in matrices.items():
            tensors[f"{stem}{name}.weight"] = draw.matrix(*shape)
            tensors[f"{stem}{name}.bias"] = draw.bias(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[f"{stem}{name}.weight"] = draw.norm(WIDTH)
            tensors[f"{stem}{name}.bias"] = draw.bias(WIDTH)
    tensors["pooler.dense.weight"] = draw.matrix(WIDTH, WIDTH)
    tensors["pooler.dense.bias"] = draw.bias(WIDTH)
    return {prefix + name: tensor for name, tensor in tensors.items()}


# ------------------------------------------------------------------------------ whole folders
_DECODERS = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}


def decoder_config(rows: int, kind: str = "llama", **more: Any) -> Json:
    """config.json of a Llama-like decoder; a value of ABSENT leaves a field out."""
    fields = {
        "architectures": [_DECODERS[kind]],
        "model_type": kind,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS_KV,
        "hidden_act": "silu",
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "vocab_size": rows,
        **more,
    }
    return {name: value for name, value in fields.items() if value is not ABSENT}


BEGIN, END = "<|begin_of_text|>", "<|eot_id|>"
CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def llama_bpe(
    special: Iterable[str] = (BEGIN, END), *, spare: int = 0, tied: bool = True, **config: Any
) -> Folder:
    """A Llama with Llama 3's kind of tokenizer; `spare` rows more than there are tokens."""
    texts = list(special)
    tokenizer, size = bpe(texts, split(LLAMA3), first=True)
    rows = size + spare
    said = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": texts[0],
        "eos_token": texts[-1],
        "clean_up_tokenization_spaces": False,
    }
    ids = {"bos_token_id": size - len(texts), "eos_token_id": size - 1}
    config = {**ids, "tie_word_embeddings": tied, **config}
    files = {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": said,
        "config.json": decoder_config(rows, **config),
    }
    return Folder(files, {WEIGHTS: llama_tensors(rows, tied=tied)}, size)


def chatml_bpe(kind: str = "llama", pre: Json | None = None, **config: Any) -> Folder:
    """A decoder whose tokenizer adds nothing to a text and has ChatML's tokens."""
    tokenizer, size = bpe(CHATML, pre or split(QWEN2))
    said = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": CHATML[0],
        "eos_token": CHATML[2],
        "clean_up_tokenization_spaces": False,
    }
    config = {"bos_token_id": size - 3, "eos_token_id": size - 1, **config}
    files = {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": said,
        "config.json": decoder_config(size, kind, **config),
    }
    biases = QKV if kind == "qwen2" else ()
    return Folder(files, {WEIGHTS: llama_tensors(size, biases=biases)}, size)


def qwen3(**config: Any) -> Folder:
    """A Qwen3: norms of heads besides a Llama's tensors."""
    folder = chatml_bpe("qwen3", head_dim=HEAD, **config)
    draw = Draw(5)
    for layer in range(LAYERS):
        for name in ("q_norm", "k_norm"):
            folder.tensors[f"model.layers.{layer}.self_attn.{name}.weight"] = draw.norm(HEAD)
    return folder


def llama_spm(
    extra: Iterable[tuple[str, bool]] = (),
    *,
    kind: str = "llama",
    found: list[Piece] | None = None,
    **config: Any,
) -> Folder:
    """A decoder with Llama 2's kind of tokenizer, as tokenizer.model and as tokenizer.json."""
    model, extra = pieces(), list(extra)
    listed = model if found is None else found
    size = len(listed) + len(extra)
    said = {
        "tokenizer_class": "LlamaTokenizer",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    config = {"bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False, **config}
    files = {
        "tokenizer.model": sentencepiece_model(model),
        "tokenizer.json": spm_json(listed, extra),
        "tokenizer_config.json": said,
        "config.json": decoder_config(size, kind, **config),
    }
    return Folder(files, {WEIGHTS: llama_tensors(size, tied=False)}, size)


def gpt2(*, positions: int = CONTEXT, inner: int = 4 * WIDTH, **config: Any) -> Folder:
    """A GPT-2 with its kind of tokenizer."""
    end = "<|endoftext|>"
    tokenizer, size = bpe([end], GPT2)
    fields = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": WIDTH,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "n_positions": positions,
        "layer_norm_epsilon": 1e-5,
        "vocab_size": size,
        "activation_function": "gelu_new",
        "bos_token_id": size - 1,
        "eos_token_id": size - 1,
        **config,
    }
    said = {"tokenizer_class": "GPT2Tokenizer", "bos_token": end, "eos_token": end}
    files = {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {**said, "unk_token": end},
        "config.json": {name: value for name, value in fields.items() if value is not ABSENT},
    }
    tensors = gpt2_tensors(size, positions=positions, inner=inner)
    return Folder(files, {WEIGHTS: tensors}, size)


def old_files(folder: Folder) -> Folder:
    """Turn tokenizer.json of a byte-level BPE into vocab.json and merges.txt."""
    tokenizer = folder.files.pop("tokenizer.json")
    vocab = dict(tokenizer["model"]["vocab"])
    vocab |= {entry["content"]: entry["id"] for entry in tokenizer["added_tokens"]}
    merges = "\n".join(" ".join(pair) for pair in tokenizer["model"]["merges"])
    return folder.put({"vocab.json": vocab, "merges.txt": f"#version: 0.2\n{merges}\n"})


def bert(*, lowercase: bool = True, prefix: str = "", **config: Any) -> Folder:
    """A BERT with a WordPiece tokenizer."""
    vocab = wordpieces()
    fields = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": CONTEXT,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "vocab_size": len(vocab),
        **config,
    }
    files = {
        "tokenizer.json": wordpiece_json(vocab, lowercase=lowercase),
        "tokenizer_config.json": {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": lowercase,
            **BERT_SPECIAL,
        },
        "config.json": {name: value for name, value in fields.items() if value is not ABSENT},
    }
    return Folder(files, {WEIGHTS: bert_tensors(len(vocab), prefix=prefix)}, len(vocab))


def vocab_txt(folder: Folder, said: Json | None) -> Folder:
    """Replace the files of a BERT's tokenizer by vocab.txt and this tokenizer_config.json."""
    folder.drop("tokenizer.json", "tokenizer_config.json")
    folder.put({"vocab.txt": "\n".join(wordpieces()) + "\n"})
    return folder if said is None else folder.put({"tokenizer_config.json": said})


def sentence_transformer(
    folder: Folder, *modules: tuple[str, Json], pooling: Json | None = None
) -> Folder:
    """Add the files of sentence-transformers: Transformer, Pooling, then `modules`."""
    mean = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    pool = {"word_embedding_dimension": WIDTH, **(mean if pooling is None else pooling)}
    listed: list[tuple[str, Json]] = [("Transformer", {}), ("Pooling", pool), *modules]
    entries = [
        {
            "idx": i,
            "name": str(i),
            "path": f"{i}_{name}" if i else "",
            "type": f"sentence_transformers.models.{name}",
        }
        for i, (name, _) in enumerate(listed)
    ]
    folder.put({"modules.json": entries})
    for i, (name, config) in enumerate(listed):
        if i and (config or name == "Pooling"):
            folder.put({f"{i}_{name}/config.json": config})
    return folder


def dense(place: int, size: int, activation: str) -> tuple[Json, Tensors, str]:
    """A Dense module from WIDTH to `size` numbers: its config, its tensors and their file."""
    draw = Draw(3)
    config = {
        "in_features": WIDTH,
        "out_features": size,
        "bias": True,
        "activation_function": f"torch.nn.modules.{activation}",
    }
    tensors = {"linear.weight": draw.matrix(size, WIDTH), "linear.bias": draw.bias(size)}
    return config, tensors, f"{place}_Dense/{WEIGHTS}"
