"""Vocabularies by id: padding, holes, types, merges, fallbacks, and errors that name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizer_folders import (
    BYTE_LEVEL,
    END,
    added,
    isolate,
    reference,
    sequence,
    write_bpe,
    write_json,
)
from tokenizer_scenarios import PIECES, SCENARIOS, sentencepiece_model

from quantcli.errors import TokenizerError
from quantcli.tokenizer import PRETOKENIZERS, TokenizerExport, export

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTES = {**BYTE_LEVEL, "use_regex": False}


def run(
    folder: Path, kind: str = "bpe", rows: int | None = None, **options: Any
) -> TokenizerExport:
    return export(folder, kind, rows=rows, config=options.pop("config", {}), **options)


def value(exported: TokenizerExport, key: str) -> Any:
    return {k: v for k, _, v in exported.keys}[f"tokenizer.ggml.{key}"]


def test_ids_texts_and_types(tmp_path: Path) -> None:
    listed = [added(7, END), added(8, "<|tool|>", special=False), added(9, "▁x", special=False)]
    write_bpe(tmp_path, added_tokens=listed)
    exported = run(tmp_path, rows=12)
    assert exported.size == 12
    # Looked for as it is; the reference converter writes " x", which would match other texts.
    assert value(exported, "tokens")[6:] == ("abc", END, "<|tool|>", "▁x", "[PAD10]", "[PAD11]")
    assert value(exported, "token_type")[6:] == (1, 3, 3, 4, 5, 5)
    assert exported.files == ("tokenizer.json", "tokenizer_config.json")
    assert "2 ids beyond the tokenizer's 10" in exported.notes[0]
    assert all(type(t) is str for t in value(exported, "tokens"))


def test_rows_come_first_then_the_config_then_the_tokenizer(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    assert run(tmp_path, rows=9, config={"vocab_size": 20}).size == 9
    assert run(tmp_path, config={"vocab_size": 20}).size == 20
    assert run(tmp_path).size == 8


@pytest.mark.parametrize("kind", ["bpe", "llama", "auto"])
def test_a_base_vocabulary_beyond_the_rows(tmp_path: Path, kind: str) -> None:
    write_bpe(tmp_path)
    with pytest.raises(TokenizerError, match="needs 7 ids, the embedding has 6 rows") as caught:
        run(tmp_path, kind, rows=6)
    assert caught.value.exit_code == 3
    assert caught.value.where == str(tmp_path / "tokenizer.json")


def test_holes_are_padded(tmp_path: Path) -> None:
    write_bpe(tmp_path, vocab={"a": 0, "b": 2, "ab": 3}, merges=["a b"], added_tokens=[])
    write_json(tmp_path, "tokenizer_config.json", {})
    assert value(run(tmp_path), "tokens") == ("a", "[PAD1]", "b", "ab")


def test_tokens_named_as_special_become_control_tokens(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    write_json(tmp_path, "tokenizer_config.json", {"pad_token": "b", "unk_token": {"content": "?"}})
    exported = run(tmp_path)
    assert value(exported, "token_type")[1] == 3
    # As transformers does; see also the scenario "named-only-in-settings".
    assert value(exported, "tokens")[8] == "?"
    assert any("get the next free one: '?'" in note for note in exported.notes)


def test_texts_are_made_unique(tmp_path: Path) -> None:
    listed = [added(7, END), added(8, "[PAD8]", special=False)]
    vocab = {"a": 0, "[PAD8]": 1, "": 2, "b": 3, "ab": 4, "x\0": 5, "x\0y": 6}
    write_bpe(tmp_path, vocab=vocab, merges=["a b"], added_tokens=listed)
    exported = run(tmp_path, rows=9)
    tokens = value(exported, "tokens")
    assert len({text.partition("\0")[0] for text in tokens}) == 9
    assert tokens[1:3] == ("[PAD8]", "[EMPTY_2]")
    assert tokens[5:7] == ("[EMPTY_5]", "[EMPTY_6]")
    assert tokens[8] == "[DUPLICATE_8]"
    (note,) = [note for note in exported.notes if "text of another id or none" in note]
    assert "(4): 2 '', written as [EMPTY_2]; " in note


@pytest.mark.parametrize(
    "spelling", [["a b", "Ġ a"], [["a", "b"], ["Ġ", "a"]]], ids=["texts", "pairs"]
)
def test_both_spellings_of_merges(tmp_path: Path, spelling: list[Any]) -> None:
    write_bpe(tmp_path, merges=spelling)
    assert value(run(tmp_path), "merges") == ("a b", "Ġ a")


def test_a_space_in_a_merge_is_a_letter(tmp_path: Path) -> None:
    write_bpe(tmp_path, merges=[["a", "b"], [" ", "a"]])
    assert value(run(tmp_path), "merges") == ("a b", "Ġ a")


def test_vocab_json_and_merges_txt(tmp_path: Path) -> None:
    write_json(tmp_path, "vocab.json", {"a": 0, "b": 1, "ab": 2, END: 3})
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n\nodd\n", encoding="utf-8")
    write_json(tmp_path, "added_tokens.json", {"<x>": 4})
    write_json(
        tmp_path, "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "eos_token": END}
    )
    exported = run(tmp_path, config={"eos_token_id": 3})
    assert exported.pre == "gpt-2"
    assert value(exported, "tokens") == ("a", "b", "ab", END, "<x>")
    assert value(exported, "token_type") == (1, 1, 1, 3, 4)
    assert value(exported, "merges") == ("a b",)
    assert value(exported, "eos_token_id") == 3
    assert set(exported.files) >= {"vocab.json", "merges.txt", "added_tokens.json"}


def test_added_tokens_are_numbered_as_the_library_does(tmp_path: Path) -> None:
    write_bpe(tmp_path, added_tokens=[added(9, END)])
    exported = run(tmp_path)
    assert value(exported, "tokens")[7] == END
    assert any("7 instead of 9" in note for note in exported.notes)


def test_wordpiece_marks_beginnings_instead_of_continuations(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\n\u2028\n", encoding="utf-8"
    )
    exported = run(tmp_path, "wordpiece", rows=9)
    assert value(exported, "tokens")[2:] == (
        "[CLS]", "[SEP]", "[MASK]", "▁a", "a", "▁\u2028", "▁[PAD8]"
    )  # fmt: skip
    ids = [value(exported, f"{name}_token_id") for name in ("bos", "unknown", "seperator")]
    assert ids == [2, 1, 3]


def test_code_llama_and_granite(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    write_json(tmp_path, "tokenizer_config.json", {"add_prefix_space": False, "eos_token": END})
    exported = run(tmp_path, "llama")
    assert exported.keys[0] == ("tokenizer.ggml.add_space_prefix", "bool", False)
    write_bpe(tmp_path, added_tokens=[added(7, END), added(8, "▁<EOT>")])
    assert value(run(tmp_path, "llama"), "eot_token_id") == 8
    exported = run(tmp_path, "llama", rows=49152, config={"vocab_size": 49152})
    assert value(exported, "add_bos_token") is False


# ------------------------------------------------------------------------------- pre-tokenizers
@pytest.mark.parametrize(
    "pre_tokenizer,settings,name",
    [
        ({**BYTE_LEVEL}, {}, "gpt-2"),
        (sequence(isolate(QWEN2), BYTES), {}, "qwen2"),
        (sequence(sequence(isolate(QWEN2)), BYTES), {}, "qwen2"),
        # The same expression spelled otherwise.
        (sequence(isolate(QWEN2.replace(r"\r\n", "\r\n")), BYTES), {}, "qwen2"),
        (sequence(isolate(QWEN2.replace(r"\p{L}\p{N}", r"\p{N}\p{L}")), BYTES), {}, "qwen2"),
        (
            sequence({**isolate(QWEN2), "behavior": "Removed", "invert": True}, BYTES),
            {},
            "qwen2",
        ),
        (sequence({"type": "Digits", "individual_digits": True}, BYTE_LEVEL), {}, "smollm"),
        (
            sequence({"type": "Digits", "individual_digits": True}, BYTE_LEVEL),
            {"clean_up_tokenization_spaces": True},
            "starcoder",
        ),
        (sequence(isolate(QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")), BYTES), {}, "dbrx"),
    ],
)
def test_names_by_structure(
    tmp_path: Path, pre_tokenizer: dict[str, Any], settings: dict[str, Any], name: str
) -> None:
    write_bpe(tmp_path, pre_tokenizer=pre_tokenizer)
    write_json(tmp_path, "tokenizer_config.json", settings)
    assert run(tmp_path).pre == name


def test_ignore_merges_decides(tmp_path: Path) -> None:
    llama3 = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")
    write_bpe(tmp_path, pre_tokenizer=sequence(isolate(llama3), BYTES), ignore_merges=True)
    exported = run(tmp_path)
    assert exported.pre == "llama-bpe"
    assert value(exported, "add_bos_token") is False


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        sequence(isolate(QWEN2.replace(r"\p{N}|", r"\p{N}{1,2}|")), BYTES),
        sequence({**isolate(QWEN2), "behavior": "MergedWithNext"}, BYTES),
        {"type": "Metaspace", "replacement": "▁"},
        None,
    ],
)
def test_unknown_structures_are_refused(tmp_path: Path, pre_tokenizer: object) -> None:
    write_bpe(tmp_path, pre_tokenizer=pre_tokenizer)
    with pytest.raises(TokenizerError, match="pre_tokenizer=NAME") as caught:
        run(tmp_path)
    assert caught.value.where == str(tmp_path / "tokenizer.json")
    assert run(tmp_path, pre="qwen2").pre == "qwen2"


def test_the_nearest_structure_is_named(tmp_path: Path) -> None:
    pre_tokenizer = sequence(isolate(QWEN2.replace(r"\p{N}|", r"\p{N}{1,2}|")), BYTES)
    write_bpe(tmp_path, pre_tokenizer=pre_tokenizer)
    with pytest.raises(TokenizerError, match=r"the nearest known one, '(qwen2|llama-bpe)'"):
        run(tmp_path)


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    with pytest.raises(TokenizerError, match="Did you mean qwen2"):
        run(tmp_path, pre="qwen-2")
    assert "llama-bpe" in PRETOKENIZERS


# ---------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    "changes,message",
    [
        ({"model": 3}, "model"),
        ({"vocab": {}}, "no vocabulary"),
        ({"vocab": {"a": -1}}, "'a' has the id -1"),
        ({"vocab": {"a": "0"}}, "'a' has the id '0'"),
        ({"vocab": {"a": 2**40}}, "'a' has the id 1099511627776"),
        ({"vocab": {"\ud800": 0, "a": 1, "b": 2, "ab": 3}, "merges": ["a b"]}, "is not Unicode"),
        ({"end_of_word_suffix": "</w>"}, "end_of_word_suffix is '</w>'"),
        ({"merges": []}, "no merges"),
        ({"merges": "a b"}, "not a list"),
        ({"merges": ["a b c"]}, "not a pair"),
        ({"merges": [["a", 1]]}, "not a pair"),
        ({"added_tokens": [{"id": 7}]}, "no content"),
        ({"added_tokens": [added(-7, "x")]}, "has the id -7"),
        ({"added_tokens": {}}, None),
        ({"type": "WordPiece"}, "WordPiece"),
    ],
)
def test_malformed_parts_are_named(
    tmp_path: Path, changes: dict[str, Any], message: str | None
) -> None:
    write_bpe(tmp_path, **changes)
    if message is None:
        assert run(tmp_path).size == 8
        return
    with pytest.raises(TokenizerError, match=message) as caught:
        run(tmp_path)
    assert caught.value.where is not None
    assert caught.value.where.startswith(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"version https://git-lfs"])
def test_files_that_are_not_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(TokenizerError) as caught:
        run(tmp_path)
    assert caught.value.where == str(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("kind", ["bpe", "spm", "wordpiece", "unigram", "llama", "auto"])
def test_a_folder_without_a_tokenizer(tmp_path: Path, kind: str) -> None:
    with pytest.raises(TokenizerError, match="has n"):
        run(tmp_path, kind)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs", b"\x0a\xff\xff\xff\xff\x0f"])
def test_broken_sentencepiece_models(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(TokenizerError, match="not a SentencePiece model") as caught:
        run(tmp_path, "llama")
    assert caught.value.where == str(tmp_path / "tokenizer.model")


def test_an_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="unknown tokenizer kind 'rwkv'"):
        run(tmp_path, "rwkv")


def test_notes_are_grouped(tmp_path: Path) -> None:
    write_bpe(tmp_path, added_tokens=[added(7, END), *(added(20 + i, f"<{i}>") for i in range(50))])
    (note,) = [note for note in run(tmp_path).notes if "other ids than their file" in note]
    assert "(50): '<0>' 8 instead of 20; " in note
    assert note.endswith("; and 46 more")


def test_added_tokens_beyond_the_rows_are_left_out(tmp_path: Path) -> None:
    write_bpe(tmp_path, added_tokens=[added(7, END), added(8, "<pad>"), added(9, "<x>")])
    settings = {"bos_token": END, "eos_token": END, "pad_token": "<pad>"}
    write_json(tmp_path, "tokenizer_config.json", settings)
    exported = run(tmp_path, rows=8)
    assert exported.size == 8
    assert any("left out (2): '<pad>' (id 8); '<x>' (id 9)" in note for note in exported.notes)
    assert any("left out: pad '<pad>'" in note for note in exported.notes)


def test_a_space_before_every_text_is_noted(tmp_path: Path) -> None:
    write_bpe(tmp_path, pre_tokenizer={**BYTE_LEVEL, "add_prefix_space": True})
    assert any("add_prefix_space" in note for note in run(tmp_path).notes)


def test_other_normalizers_and_greedy_tokens_are_noted(tmp_path: Path) -> None:
    strips = {**added(7, END), "lstrip": True}
    write_bpe(tmp_path, normalizer={"type": "NFKC"}, added_tokens=[strips])
    notes = run(tmp_path).notes
    assert any("normalizer: NFKC" in note for note in notes)
    assert any(f"{END!r} lstrip" in note for note in notes)


@pytest.mark.parametrize("missing", ["[CLS]", "[SEP]", "[UNK]"])
def test_wordpiece_needs_its_special_tokens(tmp_path: Path, missing: str) -> None:
    texts = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    texts.remove(missing)
    (tmp_path / "vocab.txt").write_text("\n".join(texts), encoding="utf-8")
    with pytest.raises(TokenizerError, match=f"WordPiece .*{missing[1:-1]}"):
        run(tmp_path, "wordpiece", rows=len(texts))


def test_tiktoken_ranks_are_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_text("IQ== 0\nIg== 1\n", encoding="utf-8")
    with pytest.raises(TokenizerError, match="tiktoken's ranks") as caught:
        run(tmp_path, "llama")
    assert caught.value.where == str(tmp_path / "tokenizer.model")
    assert caught.value.hint is not None
    assert "tokenizer.json" in caught.value.hint


def test_tokenizer_model_without_flags_says_what_llamacpp_does(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentencepiece_model())
    exported = run(tmp_path, "llama")
    assert "tokenizer.ggml.add_bos_token" not in {key for key, _, _ in exported.keys}
    assert any("no file says whether the bos token" in note for note in exported.notes)


def test_scores_come_from_tokenizer_model_when_they_fit(tmp_path: Path) -> None:
    SCENARIOS["added-in-json-only"].write(tmp_path)
    exported = run(tmp_path, "llama")
    scores = dict(zip(value(exported, "tokens"), value(exported, "scores"), strict=True))
    expected = {text: score for text, score, kind in PIECES if kind == 1}
    assert {text: scores[text] for text in expected} == expected


def test_scores_that_contradict_the_merges_are_left_aside(tmp_path: Path) -> None:
    SCENARIOS["added-in-json-only"].write(tmp_path)
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    tokenizer["model"]["merges"].reverse()
    write_json(tmp_path, "tokenizer.json", tokenizer)
    exported = run(tmp_path, "llama")
    scores = dict(zip(value(exported, "tokens"), value(exported, "scores"), strict=True))
    assert scores["ok"] > scores["th"]
    assert any("not in the order of tokenizer.json's merges" in note for note in exported.notes)


def test_tokens_that_no_merge_makes_are_noted(tmp_path: Path) -> None:
    SCENARIOS["added-in-json-only"].write(tmp_path)
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    merges = tokenizer["model"]["merges"]
    tokenizer["model"]["merges"] = [merge for merge in merges if "".join(merge) != "ok"]
    write_json(tmp_path, "tokenizer.json", tokenizer)
    assert any("no merge" in note and "'ok'" in note for note in run(tmp_path, "llama").notes)


def test_merges_of_other_tokens_are_refused(tmp_path: Path) -> None:
    """The tokenizers library does so too; llama.cpp would make other tokens of a text."""
    write_bpe(tmp_path, merges=["a b", "a zz", "zz b", "b c"])
    with pytest.raises(TokenizerError, match="no tokens of the vocabulary") as caught:
        run(tmp_path)
    assert caught.value.message.splitlines()[1:] == ["  'a zz'", "  'zz b'", "  'b c'"]
    with pytest.raises(Exception, match="out of vocabulary"):
        reference(tmp_path)


def test_a_chat_template_that_llama_cpp_cannot_read_is_left_out(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    (tmp_path / "chat_template.jinja").write_text("{% for m in messages %}{{ m }}")
    exported = run(tmp_path)
    assert not any(key == "tokenizer.chat_template" for key, _, _ in exported.keys)
    assert any("llama.cpp cannot read is left out" in note for note in exported.notes)


def test_missing_bytes_are_refused(tmp_path: Path) -> None:
    SCENARIOS["added-in-json-only"].write(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text("utf-8").replace("<0x41>", "<byte>"), "utf-8")
    with pytest.raises(TokenizerError, match=r"1 of the 256 byte tokens are missing \(<0x41>\)"):
        run(tmp_path, "llama")
