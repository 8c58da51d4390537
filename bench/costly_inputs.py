"""Small files that are made to cost much: time and memory of reading each, beside an ordinary one.

    python bench/costly_inputs.py [--only TEXT] [--write]

Every input is below ten megabytes. It is read by a process of its own, `quantcli plan` or
`quantcli inspect`; the processor time and the largest resident memory above those for an ordinary
tiny model must stay below two seconds and 200 MB, and the process must end with a documented exit
code and without a traceback. `--write` puts the table into docs/reliability.md. Exit status 1 when
an input costs more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import tiny
from support import write_table

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
SECONDS, MEMORY = 2.0, 200 << 20
LARGEST = 10 << 20
TOKENS = 40_000
Build = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading an input took: exit status, processor seconds, peak bytes, last words."""

    status: int
    seconds: float
    memory: int
    words: str


def read(path: Path, name: str) -> Any:
    """Return the JSON value of a file of the model."""
    return json.loads((path / name).read_text(encoding="utf-8"))


def write(path: Path, name: str, value: object) -> None:
    """Write a JSON file of the model."""
    (path / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def change(name: str, **fields: object) -> Build:
    """Return a builder that sets fields of a JSON object."""
    return lambda path: write(path, name, {**read(path, name), **fields})


def card(text: str) -> Build:
    """Return a builder that writes a model card with this front matter."""
    return lambda path: (path / "README.md").write_text(f"---\n{text}\n---\n", encoding="utf-8")


def aliases() -> str:
    """Return YAML whose aliases stand for 10^9 texts."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join([*lines, "tags: *a8"])


def added(count: int, text: str = "<|t{}|>") -> Build:
    """Return a builder that gives tokenizer.json `count` added tokens."""

    def build(path: Path) -> None:
        tokenizer = read(path, "tokenizer.json")
        first = len(tokenizer["model"]["vocab"])
        tokenizer["added_tokens"] += [
            {"id": first + n, "content": text.format(n), "special": True, "normalized": False}
            for n in range(count)
        ]
        write(path, "tokenizer.json", tokenizer)

    return build


def regex(pattern: str) -> Build:
    """Return a builder that splits text by `pattern`."""

    def build(path: Path) -> None:
        tokenizer = read(path, "tokenizer.json")
        split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
        tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split]}
        write(path, "tokenizer.json", tokenizer)

    return build


def vocabulary(texts: list[str]) -> Build:
    """Return a builder that adds tokens to the base vocabulary."""

    def build(path: Path) -> None:
        tokenizer = read(path, "tokenizer.json")
        vocab = tokenizer["model"]["vocab"]
        vocab.update({text: len(vocab) + n for n, text in enumerate(texts)})
        write(path, "tokenizer.json", tokenizer)

    return build


def merges(pairs: list[Any]) -> Build:
    """Return a builder that gives tokenizer.json other merges."""

    def build(path: Path) -> None:
        tokenizer = read(path, "tokenizer.json")
        tokenizer["model"]["merges"] = pairs
        write(path, "tokenizer.json", tokenizer)

    return build


def tensors(names: list[str]) -> Build:
    """Return a builder that puts empty-handed tensors of one byte beside the weights."""

    def build(path: Path) -> None:
        header = {
            name: {"dtype": "U8", "shape": [1], "data_offsets": [n, n + 1]}
            for n, name in enumerate(names)
        }
        text = json.dumps(header).encode()
        data = len(text).to_bytes(8, "little") + text + bytes(len(names))
        (path / "model-00002-of-00002.safetensors").write_bytes(data)
        (path / "model.safetensors").rename(path / "model-00001-of-00002.safetensors")

    return build


def raw(name: str, data: bytes) -> Build:
    """Return a builder that writes a file as it is."""
    return lambda path: (path / name).write_bytes(data)


def gguf(entries: bytes, entry_count: int, infos: bytes = b"", info_count: int = 0) -> bytes:
    """Return a GGUF file of these parts."""
    return b"GGUF" + struct.pack("<IQQ", 3, info_count, entry_count) + entries + infos


def string(text: bytes) -> bytes:
    """Return a GGUF string."""
    return struct.pack("<Q", len(text)) + text


def one_row_tensors(
    count: int, name: bytes = b"t%d", types: Sequence[int] = (0,), blocks: int = 1
) -> bytes:
    """Return a GGUF file of `count` tensors of one element each, of the types by turns."""
    entries = string(b"general.architecture") + struct.pack("<I", 8) + string(b"llama")
    entries += string(b"llama.block_count") + struct.pack("<II", 4, blocks)
    infos = b"".join(
        string(name % n) + struct.pack("<IQIQ", 1, 1, types[n % len(types)], 32 * n)
        for n in range(count)
    )
    head = gguf(entries, 2, infos, count)
    return head + bytes(-len(head) % 32 + 32 * count)


BRACKETS = b"[" + b"[]," * 3_400_000 + b"[]]"
OBJECTS = b'{"a": [' + b"{}," * 3_400_000 + b"{}]}"
MEMBERS = json.dumps({f"{n:x}": n for n in range(700_000)}).encode()
GGUF_ARRAY = string(b"a") + struct.pack("<IIQ", 9, 8, 1_000_000) + bytes(8 * 1_000_000)
ALIGNMENT = string(b"general.alignment") + struct.pack("<II", 4, 1 << 30)

MODELS: dict[str, Build] = {
    "ordinary": lambda path: None,
    "card: aliases that stand for 10^9 texts": card(aliases()),
    "card: nested 100,000 deep": card("tags: " + "[" * 100_000 + "]" * 100_000),
    "card: 9 MB of tags": card("tags:\n" + "- t\n" * 2_200_000),
    "card: 400,000 tags": card("tags:\n" + "".join(f"- tag{n}\n" for n in range(400_000))),
    "card: one number of 9 MB": card("version: " + "9" * 9_000_000),
    "config: brackets": raw("config.json", BRACKETS),
    "config: objects": raw("config.json", OBJECTS),
    "config: members": raw("config.json", MEMBERS),
    "config: 10^9 layers": change("config.json", num_hidden_layers=10**9),
    "config: heads of 2^31": change("config.json", head_dim=2**31),
    "config: 2^31 experts": change("config.json", num_local_experts=2**31),
    "config: 2^31 tokens": change("config.json", vocab_size=2**31 - 1),
    "config: 300,000 labels": change("config.json", id2label=dict.fromkeys(range(300000), "x")),
    "config: 300,000 unknown fields": change("config.json", **{f"f{n}": n for n in range(300_000)}),
    "generation config: objects": raw("generation_config.json", OBJECTS),
    "generation config: 10^6 stops": change("config.json", eos_token_id=list(range(1_000_000))),
    "modules: objects": raw("modules.json", OBJECTS),
    "tokenizer: objects": raw("tokenizer.json", OBJECTS),
    "tokenizer: members": raw("tokenizer.json", MEMBERS),
    "tokenizer: 40,000 added tokens": added(TOKENS),
    "tokenizer: 40,000 equal added tokens": added(TOKENS, "<|same|>"),
    "tokenizer: a regex of 64,000 letters": regex("(a|b)" * 12_800),
    "tokenizer: a regex of 5 MB": regex("x" * 5_000_000),
    "tokenizer: names of duplicates": vocabulary([f"[DUPLICATE_{n}]" for n in range(200_000)]),
    "tokenizer: 400,000 malformed merges": merges(["a b c"] * 400_000),
    "tokenizer: 200,000 merges with spaces": merges([[" ", f"{n}"] for n in range(200_000)]),
    "settings: objects": raw("tokenizer_config.json", OBJECTS),
    "settings: 40,000 special tokens": change(
        "tokenizer_config.json", additional_special_tokens=[f"<s{n}>" for n in range(TOKENS)]
    ),
    "settings: 40,000 decoder entries": change(
        "tokenizer_config.json",
        added_tokens_decoder={str(n): {"content": f"<d{n}>"} for n in range(TOKENS)},
    ),
    "settings: 100,000 chat templates": change(
        "tokenizer_config.json",
        chat_template=[{"name": f"t{n}", "template": "x"} for n in range(100_000)],
    ),
    "template of 9 MB": raw("chat_template.jinja", b"{{ x }}" * 1_300_000),
    "weights: 40,000 tensors without a place": tensors([f"x.{n}" for n in range(TOKENS)]),
    "weights: 40,000 rotary buffers": tensors(
        [f"model.layers.{n}.self_attn.rotary_emb.inv_freq" for n in range(TOKENS)]
    ),
    "weights: 40,000 layers": tensors(
        [f"model.layers.{n}.input_layernorm.weight" for n in range(2, TOKENS)]
    ),
    "weights: names of 60 kB": tensors([f"{n}{'n' * 60_000}" for n in range(120)]),
    "index: 100,000 names": lambda path: write(
        path,
        "model.safetensors.index.json",
        {"weight_map": {f"w{n}": f"model-{n}.safetensors" for n in range(100_000)}},
    ),
    "tokenizer.model of zeros": raw("tokenizer.model", bytes(9_000_000)),
}
FILES: dict[str, bytes] = {
    "ordinary GGUF": one_row_tensors(10),
    "GGUF: 120,000 tensors of one row": one_row_tensors(120_000),
    "GGUF: 120,000 tensors of three types by turns": one_row_tensors(120_000, types=(0, 1, 30)),
    "GGUF: 1,000 blocks of which nothing is there": one_row_tensors(120_000, blocks=1000),
    "GGUF: 100,000 blocks": one_row_tensors(100_000, b"blk.%d.attn_norm.weight", blocks=100_000),
    "GGUF: an alignment of 2^30": gguf(ALIGNMENT, 1),
    "GGUF: an array of 10^6 empty texts": gguf(GGUF_ARRAY, 1),
    "GGUF: 10^6 entries promised": gguf(b"\x00" * 9_000_000, 1_000_000),
}


# Runs the command line and says its peak at the end. (What the kernel reports of a child includes
# what its parent held when it was made.)
_PROGRAM = """
import atexit, os, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
channel = int(sys.argv.pop())
def say_peak():
    status = open("/proc/self/status").read()
    os.write(channel, re.search("VmHWM:\\s+(\\d+)", status).group(1).encode())
atexit.register(say_peak)
from quantcli.cli import main
main()
"""


def measure(*arguments: object) -> Cost:
    """Run quantcli and return what it took."""
    ours, theirs = os.pipe()
    command = [sys.executable, "-c", _PROGRAM, *map(str, arguments), str(theirs)]
    with tempfile.TemporaryFile() as words, os.fdopen(ours, "rb") as channel:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=words, pass_fds=[theirs]
        )
        os.close(theirs)
        peak = int(channel.read() or 4 << 20)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        words.seek(0)
        text = words.read().decode("utf-8", "replace")
    return Cost(process.returncode, usage.ru_utime + usage.ru_stime, peak << 10, text)


def judge(cost: Cost, base: Cost) -> list[str]:
    """Return what is wrong with a cost."""
    problems = []
    if cost.seconds - base.seconds > SECONDS:
        problems.append("too slow")
    if cost.memory - base.memory > MEMORY:
        problems.append("too much memory")
    if "Traceback" in cost.words or cost.status not in (0, 1, 2, 3, 4):
        problems.append("failed")
    if len(cost.words) > 40_000:
        problems.append(f"{len(cost.words)} characters of messages")
    return problems


@dataclass(frozen=True, slots=True)
class Row:
    """One input: what it cost above an ordinary one, and what is wrong with that."""

    name: str
    seconds: float
    memory: float
    status: int
    problems: tuple[str, ...]
    words: str

    @classmethod
    def of(cls, name: str, cost: Cost, base: Cost) -> Row:
        """Judge a cost."""
        over = cost.seconds - base.seconds, (cost.memory - base.memory) / 1e6
        return cls(name, *over, cost.status, tuple(judge(cost, base)), cost.words)

    def show(self) -> Row:
        """Print one line, and the last words of an input that cost too much."""
        verdict = ", ".join(self.problems) or "ok"
        print(
            f"{self.name:46} {self.seconds:6.2f} s {self.memory:6.0f} MB  exit {self.status}  "
            f"{verdict}"
        )
        if self.problems:
            print(f"    {(self.words.strip() or '-').splitlines()[-1][:200]}")
        return self


def models(scratch: Path, only: str) -> Iterator[Row]:
    """Yield the rows of the inputs that are folders."""
    base = None
    for name, build in MODELS.items():
        folder = tiny.write_tiny("llama", scratch / "m", size=tiny.Size(layers=1))
        build(folder)
        if base is None or only in name:
            cost = measure("plan", folder, "-t", "Q4_0")
            base = base or cost
            yield Row.of(name, cost, base).show()
        shutil.rmtree(folder)


def files(scratch: Path, only: str) -> Iterator[Row]:
    """Yield the rows of the inputs that are GGUF files."""
    bases: dict[str, Cost] = {}
    for name, data in FILES.items():
        assert len(data) < LARGEST
        file = scratch / "f.gguf"
        file.write_bytes(data)
        for command in ("inspect", "verify"):
            if command not in bases or only in name:
                cost = measure(command, file)
                yield Row.of(f"{name} ({command})", cost, bases.setdefault(command, cost)).show()


def table(rows: Sequence[Row]) -> str:
    """Return the rows for the docs."""
    lines = ["| input | time | memory | exit code |", "|---|---:|---:|---:|"]
    lines += [
        f"| {row.name} | {max(0, row.seconds):.1f} s | {max(0, row.memory):.0f} MB | {row.status} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Read every input and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="inputs whose name holds this")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        rows = [*models(scratch, options.only), *files(scratch, options.only)]
    if options.write:
        write_table(PAGE, "costs", table(rows))
    return 1 if any(row.problems for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
