"""Tokenizers in files of their own: each is held against a few lines that say what it does."""

from __future__ import annotations

import base64
import functools
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tokenizer_folders import STRINGS, added, train_bpe, write_bpe, write_json
from tokenizer_scenarios import PIECES, letters, sentencepiece_model
from tokenizers import (
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tokenizing.references import by_ranks, greedy, with_special
from tokenizing.runtime import Runtime, load

from quantcli.errors import TokenizerError
from quantcli.tokenizer import TokenizerExport, export
from quantcli.tokenizer import regexes as rx
from quantcli.tokenizer.tiktoken import CLASSES

END, UNKNOWN = "<|endoftext|>", "<unk>"
BYTE_OF = {letter: byte for byte, letter in enumerate(letters())}


# -------------------------------------------------------------------------------------- ranks
@functools.cache
def trained(pattern: str) -> dict[bytes, int]:
    """A vocabulary of 1000 tokens in the order of its training; the bytes come first."""
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    steps = [{**split, "invert": False}, {**level, "trim_offsets": True}]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train_bpe(folder, {"type": "Sequence", "pretokenizers": steps}, whole_words=False)
        vocab = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    texts = [text for text in sorted(vocab, key=vocab.__getitem__) if text != END]
    return {bytes(BYTE_OF[letter] for letter in text): i for i, text in enumerate(texts)}


@pytest.fixture
def ranks() -> dict[bytes, int]:
    return trained(rx.QWEN2)


def write_ranks(path: Path, ranks: Mapping[bytes, int]) -> None:
    lines = [f"{base64.b64encode(token).decode()} {rank}" for token, rank in ranks.items()]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def keys_of(exported: TokenizerExport) -> dict[str, Any]:
    return {key.removeprefix("tokenizer.ggml."): value for key, _, value in exported.keys}


def compare(
    ours: Runtime, theirs: Callable[[str], list[int]], *, without: set[str] | None = None
) -> None:
    different = {text for text in STRINGS if ours.tokenize(text) != theirs(text)}
    assert different == (without or set())


FILES = {
    "QWenTokenizer": "qwen.tiktoken",
    "HYTokenizer": "hy.tiktoken",
    "TikTokenTokenizer": "tiktoken.model",
    "ChatGLM4Tokenizer": "tokenizer.model",
    "Arcade100kTokenizer": "arcade100k.tiktoken",
}
PATTERNS = {"kimi-k2": rx.KIMI, "chatglm-bpe": rx.LLAMA3}
# llama.cpp's Kimi splits combining marks from their letters.
MARKS = {"a\u0323\u0307 stacked", "Z\u0351\u036b\u0343a\u0322l\u0334go"}


@pytest.mark.parametrize("name", FILES)
def test_lists_of_ranks(name: str, tmp_path: Path) -> None:
    cls = CLASSES[name]
    pattern = PATTERNS.get(cls.pre, rx.QWEN2)
    ranks = trained(pattern)
    write_ranks(tmp_path / FILES[name], ranks)
    settings: dict[str, Any] = {"tokenizer_class": name}
    if name == "TikTokenTokenizer":
        start = len(ranks)
        entry = {"special": True, "lstrip": False, "rstrip": False, "normalized": False}
        settings |= {
            "bos_token": "[BOS]",
            "eos_token": "[EOS]",
            "added_tokens_decoder": {
                str(start + i): {"content": text, **entry}
                for i, text in ((0, "[BOS]"), (1, "[EOS]"), (2, "<|im_end|>"))
            },
        }
    write_json(tmp_path, "tokenizer_config.json", settings)
    exported = export(tmp_path, "auto", rows=2000, config={})
    assert (exported.model, exported.pre, exported.size) == ("gpt2", cls.pre, 2000)
    found, tokens = keys_of(exported), keys_of(exported)["tokens"]
    if name == "TikTokenTokenizer":
        assert tokens[start : start + 4] == (
            *("[BOS]", "[EOS]", "<|im_end|>"),
            f"<|reserved_token_{start + 3}|>",
        )
        assert (found["bos_token_id"], found["eos_token_id"]) == (start, start + 1)
        assert found["token_type"][start : start + 256] == (3,) * 256
    else:
        first = len(ranks) + cls.gap
        assert tokens[first : first + len(cls.special)] == cls.special
    ours = load(exported, tmp_path)
    special = {text: i for i, text in enumerate(tokens) if found["token_type"][i] == 3}
    compare(
        ours,
        with_special(by_ranks(ranks, pattern), special),
        without=MARKS if cls.pre == "kimi-k2" else None,
    )


def test_a_list_of_ranks_of_an_unknown_class_is_refused(
    ranks: dict[bytes, int], tmp_path: Path
) -> None:
    write_ranks(tmp_path / "own.tiktoken", ranks)
    write_json(tmp_path, "tokenizer_config.json", {"tokenizer_class": "OwnTokenizer"})
    with pytest.raises(TokenizerError, match="OwnTokenizer"):
        export(tmp_path, "auto", rows=None, config={})
    assert export(tmp_path, "auto", rows=None, config={}, pre="qwen2").pre == "qwen2"


@pytest.mark.parametrize("change", ["holes", "no base64", "negative", "a byte is missing"])
def test_damaged_lists_of_ranks_are_refused(
    change: str, ranks: dict[bytes, int], tmp_path: Path
) -> None:
    path = tmp_path / "qwen.tiktoken"
    write_ranks(path, ranks)
    lines = path.read_text().splitlines()
    lines[300] = {"no base64": "=? 300", "negative": "AAAA -1"}.get(change, lines[300])
    if change == "holes":
        del lines[300]
    if change == "a byte is missing":
        write_ranks(path, {token: i for i, token in enumerate([*ranks][1:])})
        lines = path.read_text().splitlines()
    path.write_text("\n".join(lines))
    write_json(tmp_path, "tokenizer_config.json", {"tokenizer_class": "QWenTokenizer"})
    with pytest.raises(TokenizerError):
        export(tmp_path, "auto", rows=None, config={})


def tekken(ranks: Mapping[bytes, int], **changes: Any) -> dict[str, Any]:
    entries = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for token, rank in ranks.items()
    ]
    more = {"rank": len(entries), "token_bytes": "AAAAAAAA", "token_str": None}
    config = {
        "pattern": rx.TEKKEN,
        "num_vocab_tokens": len(entries) + 1,
        "default_vocab_size": len(entries) + 100,
        "default_num_special_tokens": 100,
        "version": "v3",
    }
    return {"config": config, "vocab": [*entries, more], **changes}


def test_tekken(tmp_path: Path) -> None:
    ranks = trained(rx.TEKKEN)
    write_json(tmp_path, "tekken.json", tekken(ranks))
    exported = export(tmp_path, "llama", rows=None, config={})
    found = keys_of(exported)
    assert (exported.model, exported.pre, exported.size) == ("gpt2", "tekken", len(ranks) + 100)
    assert found["tokens"][:3] == ("<unk>", "<s>", "</s>")
    assert found["tokens"][99] == "<SPECIAL_99>"
    assert [found[f"{kind}_token_id"] for kind in ("unknown", "bos", "eos", "padding")] == [
        *(0, 1, 2),
        11,
    ]
    # llama.cpp does not know Codestral's by their text.
    assert [found[f"fim_{kind}_token_id"] for kind in ("pre", "mid", "suf")] == [14, 15, 16]
    ours = load(exported, tmp_path)
    assert ours.tokenize("a", special=True)[0] == 1
    special = {text: i for i, text in enumerate(found["tokens"][:100])}
    ranked = by_ranks(ranks, rx.TEKKEN)
    compare(
        ours,
        with_special(lambda text: [100 + i for i in ranked(text)], special),
        without=MARKS | {"I\u0307stanbul"},
    )


def test_tekken_of_its_own_special_tokens(ranks: dict[bytes, int], tmp_path: Path) -> None:
    listed = [
        {"rank": i, "token_str": text, "is_control": text != "[THINK]"}
        for i, text in enumerate(("<unk>", "<s>", "</s>", "[THINK]"))
    ]
    write_json(tmp_path, "tekken.json", tekken(ranks, special_tokens=listed))
    found = keys_of(export(tmp_path, "auto", rows=None, config={}))
    assert found["tokens"][3:5] == ("[THINK]", "<SPECIAL_4>")
    assert found["token_type"][3:5] == (4, 3)
    assert "padding_token_id" not in found
    said = tekken(ranks)
    said["config"]["pattern"] = rx.QWEN2
    write_json(tmp_path, "tekken.json", said)
    with pytest.raises(TokenizerError, match="splits text"):
        export(tmp_path, "auto", rows=None, config={})


# --------------------------------------------------------------------------------------- RWKV
def test_rwkv(tmp_path: Path) -> None:
    words = [word.encode() for text in STRINGS[::3] for word in text.split()[:3]]
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [*dict.fromkeys([b"\n\n", b"'\"", b"\\x", b"\r\n\t", b"\xe4\xb8", *words])]
    tokens = [*dict.fromkeys(tokens)]
    lines = []
    for i, token in enumerate(tokens, 1):
        try:
            literal = repr(token.decode())
        except UnicodeDecodeError:
            literal = repr(token)
        lines.append(f"{i} {literal} {len(token)}\n")
    (tmp_path / "rwkv_vocab_v20230424.txt").write_text("".join(lines), encoding="utf-8")
    exported = export(tmp_path, "auto", rows=1200, config={})
    found = keys_of(exported)
    assert (exported.model, exported.pre, exported.size) == ("rwkv", "", 1200)
    assert "pre" not in found
    turn = 1 + tokens.index(b"\n\n")
    assert [found[f"{k}_token_id"] for k in ("bos", "eos", "eot")] == [0, 0, turn]
    assert found["tokenizer.chat_template"] == "rwkv-world"
    ids = {token: i for i, token in enumerate(tokens, 1)}
    compare(load(exported, tmp_path), with_special(greedy(ids), {"<s>": 0}))


@pytest.mark.parametrize(
    "line", ["1 'a' 2", "x 'a' 1", "1 a 1", "1 'a'", "0 'a' 1", "1 '' 0", "1 __import__('os') 1"]
)
def test_a_damaged_line_of_rwkv_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "rwkv_vocab_v20230424.txt").write_text(f"2 'b' 1\n{line}\n")
    with pytest.raises(TokenizerError, match="line 2"):
        export(tmp_path, "auto", rows=None, config={})


# -------------------------------------------------------------------------------------- PLaMo
def test_plamo(tmp_path: Path) -> None:
    kinds = ("unk", "bos", "eos", "pad", "op")
    entries: list[list[Any]] = [
        [f"<|plamo:{kind}|>", 0.0, "UNKNOWN" if kind == "unk" else "CONTROL"] for kind in kinds
    ]
    entries += [[f"<0x{byte:02X}>", 0.0, "BYTE"] for byte in range(256)]
    words = dict.fromkeys(w for text in STRINGS for w in (*text.split(), *text[:1], text[:2]) if w)
    words = {word: None for word in words if not word.startswith("<0x")}
    # Scores that no two ways to cut a text share.
    scores = {word: -1.0 - (i * 7919 % 10007) / 1000 for i, word in enumerate(words)}
    entries += [[word, score, "NORMAL"] for word, score in scores.items()]
    lines = [json.dumps(entry) for entry in entries]
    (tmp_path / "tokenizer.jsonl").write_text("\n".join(lines), encoding="utf-8")
    exported = export(tmp_path, "auto", rows=None, config={})
    found = keys_of(exported)
    assert (exported.model, exported.size) == ("plamo2", len(entries))
    assert found["add_space_prefix"] is False
    named = ("unknown", "bos", "eos", "padding", "eot")
    assert [found[f"{kind}_token_id"] for kind in named] == [0, 1, 2, 3, 4]
    ids = {entry[0]: i for i, entry in enumerate(entries)}

    def best(text: str) -> list[int]:
        # From the end, the longest of equal ways first; a character that no token has costs 1000.
        costs, paths = [0.0], [[]]
        for at in range(len(text) - 1, -1, -1):
            ways = []
            for end in range(len(text), at, -1):
                score = scores.get(text[at:end])
                if score is not None:
                    rest = len(text) - end
                    ways.append((costs[rest] - score, [ids[text[at:end]], *paths[rest]]))
            data = [5 + byte for byte in text[at].encode()]
            ways.append((costs[-1] + 1000, [*data, *paths[-1]]))
            cost, path = min(ways, key=lambda way: way[0])
            costs.append(cost)
            paths.append(path)
        return paths[-1]

    short = [text for text in STRINGS if len(text) < 80 and "\ufeff" not in text[:1]]
    ours = load(exported, tmp_path)
    assert len(short) > 200
    special = {text: ids[text] for text in ("<|im_end|>", "<|endoftext|>", "</s>") if text in ids}
    for text in short:
        # llama.cpp takes these for control tokens by their text.
        assert ours.tokenize(text) == with_special(best, special)(text), text


def test_a_damaged_file_of_plamo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.jsonl"
    path.write_text('["a", 0.0, "NORMAL"]\n["b"]\n')
    with pytest.raises(TokenizerError, match="line 2"):
        export(tmp_path, "auto", rows=None, config={})
    path.write_text('["a", 0.0, "NORMAL"]\n')
    with pytest.raises(TokenizerError, match="byte tokens"):
        export(tmp_path, "auto", rows=None, config={})


# ------------------------------------------------------------------------- BPE on characters
# A token of this text is one of control to llama.cpp, whatever the file says.
OF_A_NAME = f"a{END}b"


def character_bpe(folder: Path, *texts: str, **changes: Any) -> Tokenizer:
    """Train a BPE on characters with `▁` for a space and bytes for what it has not seen."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\n]+|\n+"), "isolated")
    trainer = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=special, limit_alphabet=90, show_progress=False
    )
    tokenizer.train_from_iterator(STRINGS * 2, trainer)
    trained = json.loads(tokenizer.to_str())
    size = len(trained["model"]["vocab"])
    trained |= {
        "added_tokens": [
            *(added(i, text) for i, text in enumerate(special[:4])),
            *(added(size + i, text) for i, text in enumerate(texts)),
        ],
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        },
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        **changes,
    }
    write_json(folder, "tokenizer.json", trained)
    names = {f"{kind}_token": f"<{kind}>" for kind in ("pad", "eos", "bos", "unk")}
    write_json(folder, "tokenizer_config.json", names)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def test_merges_that_no_scores_give(tmp_path: Path) -> None:
    theirs = character_bpe(tmp_path)
    exported = export(tmp_path, "auto", rows=None, config={})
    assert (exported.model, exported.pre) == ("gpt2", "sarvam-moe")
    assert keys_of(exported)["add_space_prefix"] is False
    ours = load(exported, tmp_path)
    compare(
        ours,
        lambda text: list(theirs.encode(text, add_special_tokens=False).ids),
        without={OF_A_NAME},
    )


def test_a_space_before_a_text_is_mmbert_alone(tmp_path: Path) -> None:
    spaced = {
        "type": "Metaspace",
        "replacement": "\u2581",
        "prepend_scheme": "always",
        "split": True,
    }
    theirs = character_bpe(tmp_path, pre_tokenizer=spaced)
    exported = export(tmp_path, "auto", rows=None, config={}, pre="mmbert")
    assert keys_of(exported)["add_space_prefix"] is True
    ours = load(exported, tmp_path)
    for text in STRINGS:
        # llama.cpp puts a space before every line, and takes a control token by its text.
        if "\n" not in text and "<|" not in text:
            assert ours.tokenize(text) == theirs.encode(text, add_special_tokens=False).ids, text
    with pytest.raises(TokenizerError, match="holds no BPE on characters"):
        export(tmp_path, "auto", rows=None, config={}, pre="sarvam-moe")
    character_bpe(tmp_path)
    exported = export(tmp_path, "auto", rows=None, config={}, pre="mmbert")
    assert any("puts a space before a text" in note for note in exported.notes)


def test_gemma4(tmp_path: Path) -> None:
    theirs = character_bpe(tmp_path, "<|tool_response>", "<|channel>", "<|turn>")
    exported = export(tmp_path, "auto", rows=None, config={})
    found = keys_of(exported)
    assert (exported.model, exported.pre) == ("gemma4", "")
    assert "pre" not in found
    assert (found["add_bos_token"], found["add_space_prefix"]) == (True, False)
    assert set(found["scores"]) == {-1000.0}
    # What the chat parser must see is shown, the rest is control.
    assert found["token_type"][-3:] == (4, 4, 3)
    assert found["token_type"].count(6) == 256
    ours = load(exported, tmp_path)
    texts = [
        *(text for text in STRINGS if text != OF_A_NAME),
        "a<|turn>b",
        "<|channel> x\n\n<|tool_response>",
        "\n\n\n",
        " \n \n",
    ]
    for text in texts:
        assert ours.tokenize(text) == theirs.encode(text, add_special_tokens=False).ids, text


def test_a_name_for_characters_is_refused_for_bytes(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    with pytest.raises(TokenizerError, match="gemma4"):
        export(tmp_path, "auto", rows=None, config={}, pre="gemma4")


def test_words_between_spaces(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=1200, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(STRINGS * 2, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    settings = {"tokenizer_class": "RobertaTokenizer", "unk_token": "<unk>", "mask_token": "<mask>"}
    write_json(tmp_path, "tokenizer_config.json", settings)
    exported = export(tmp_path, "auto", rows=None, config={})
    found = keys_of(exported)
    assert (exported.model, exported.pre) == ("whitespace", "whitespace")
    assert (found["normalizer.lowercase"], found["add_sep_token"]) == (True, True)
    assert any("unknown token" in note for note in exported.notes)
    ours = load(exported, tmp_path)
    known = [
        text
        for text in STRINGS
        if 3 not in tokenizer.encode(text).ids and text == text.lower() and "<" not in text
    ]
    assert len(known) > 100
    for text in known:
        assert ours.tokenize(text, special=True) == tokenizer.encode(text).ids, text


# --------------------------------------------------------------------------- names of tokens
@pytest.mark.parametrize(
    "kind,named",
    [
        ("auto", {}),
        ("glm", {"bos": 1, "unknown": 0, "eot": 2, "eom": 3}),
        ("glm4", {"bos": 0, "unknown": 0, "eot": 2}),
    ],
)
def test_names_of_glm(kind: str, named: dict[str, int], tmp_path: Path) -> None:
    texts = (END, "[gMASK]", "<|user|>", "<|observation|>")
    split = {"type": "Split", "pattern": {"Regex": rx.LLAMA3}, "behavior": "Isolated"}
    level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    steps = [{**split, "invert": False}, {**level, "trim_offsets": True}]
    write_bpe(
        tmp_path,
        added_tokens=[added(7 + i, text) for i, text in enumerate(texts)],
        pre_tokenizer={"type": "Sequence", "pretokenizers": steps},
        ignore_merges=True,
    )
    write_json(tmp_path, "tokenizer_config.json", {"eos_token": END})
    exported = export(tmp_path, kind, rows=None, config={})
    assert exported.pre == "glm4"
    found = keys_of(exported)
    ids = {name: 7 + i for name, i in {"eos": 0, **named}.items()}
    assert {k[:-9]: v for k, v in found.items() if k.endswith("_token_id")} == ids
    assert load(exported, tmp_path).special("bos") == ids.get("bos", -1)


@pytest.mark.parametrize(
    "texts",
    [("[PREFIX]", "[SUFFIX]", "[MIDDLE]"), ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")],
)
def test_fill_in_tokens_are_known_to_llamacpp(texts: tuple[str, ...], tmp_path: Path) -> None:
    tokens = [added(7 + i, text) for i, text in enumerate((END, *texts))]
    write_bpe(tmp_path, added_tokens=tokens)
    ours = load(export(tmp_path, "auto", rows=None, config={}), tmp_path)
    assert [ours.special(f"fim_{kind}") for kind in ("pre", "suf", "mid")] == [8, 9, 10]


# ------------------------------------------------------------------------------ SentencePiece
def test_a_model_with_mistrals_name(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model.v3").write_bytes(sentencepiece_model())
    (tmp_path / "tokenizer.model.v1").write_bytes(b"older")
    exported = export(tmp_path, "auto", rows=None, config={})
    assert exported.files == ("tokenizer.model.v3",)
    assert (exported.model, exported.size) == ("llama", len(PIECES))


def test_a_model_that_is_unigram_is_one(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentencepiece_model(unigram=True))
    assert export(tmp_path, "auto", rows=None, config={}).model == "t5"


def test_chatglm3_appends_tokens(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentencepiece_model())
    write_json(tmp_path, "tokenizer_config.json", {"tokenizer_class": "ChatGLMTokenizer"})
    exported = export(tmp_path, "glm4", rows=len(PIECES) + 20, config={})
    found = keys_of(exported)
    appended = found["tokens"][len(PIECES) : len(PIECES) + 9]
    assert appended[:3] == ("[MASK]", "[gMASK]", "[sMASK]")
    assert appended[-1] == "<|observation|>"
    assert found["eot_token_id"] == len(PIECES) + 6
    ours = load(exported, tmp_path)
    assert ours.tokenize("[gMASK]sop") == [len(PIECES) + 1, len(PIECES) + 3]


def test_a_folder_without_a_tokenizer_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"no tokenizer's files") as caught:
        export(tmp_path, "auto", rows=None, config={})
    assert "tokenizer.json" in str(caught.value.hint)
