"""Special ids, flags and chat templates against gguf's SpecialVocab, which the converter uses.

Where transformers does otherwise than SpecialVocab, transformers is right. So the comparison leaves
out: flags beside tokenizer.json, stop tokens in config.json, names without a token, and a
post-processor that begins with another token than bos. Tests of their own hold those.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gguf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_folders import END, added, write_bpe, write_json

from quantcli.errors import TokenizerError
from quantcli.tokenizer import export

TEXTS = [END, "<s>", "</s>", "<sep>"]
KINDS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
ROWS = 32
FIRST, LAST = "<s>", "<sep>"


def theirs(folder: Path) -> dict[str, Any]:
    writer = gguf.GGUFWriter(None, "llama")
    gguf.SpecialVocab(folder, load_merges=True).add_to_gguf(writer, quiet=True)
    keys = {key: value.value for key, value in writer.kv_data[0].items()}
    del keys["general.architecture"]
    return keys


def ours(folder: Path) -> dict[str, Any]:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    exported = export(folder, "bpe", rows=ROWS, config=config, pre="gpt-2")
    base = {f"tokenizer.ggml.{name}" for name in ("model", "pre", "tokens", "token_type")}
    keys = {key: value for key, _, value in exported.keys if key not in base}
    return {key: list(v) if isinstance(v, tuple) else v for key, v in keys.items()}


def special(text: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": text, "type_id": 0}}


def text(letter: str) -> dict[str, Any]:
    return {"Sequence": {"id": letter, "type_id": 0}}


_ends = st.lists(st.sampled_from(TEXTS).map(special), max_size=1)


@st.composite
def templates(draw: st.DrawFn) -> dict[str, Any]:
    first, last = draw(st.sampled_from([[], [special(FIRST)]])), draw(_ends)
    middle = draw(st.lists(st.sampled_from(TEXTS).map(special), max_size=2))
    pair = draw(st.sampled_from([[], [*first, text("A"), *middle, text("B"), *last]]))
    return {"type": "TemplateProcessing", "single": [*first, text("A"), *last], "pair": pair}


roberta = st.just({"type": "RobertaProcessing", "cls": [FIRST, 8], "sep": [LAST, 9]})
byte_level = st.just({"type": "ByteLevel", "trim_offsets": True})
processors = st.none() | st.one_of(
    templates(),
    roberta,
    byte_level,
    st.tuples(templates(), byte_level).map(
        lambda inner: {"type": "Sequence", "processors": list(inner)}
    ),
)
names = st.dictionaries(st.sampled_from(KINDS), st.sampled_from(TEXTS)).map(
    lambda found: {f"{kind}_token": value for kind, value in found.items()}
)
config_ids = st.dictionaries(
    st.sampled_from([kind for kind in KINDS if kind != "eos"]),
    st.integers(0, 7 + len(TEXTS) - 1) | st.none() | st.just([1, 2]),
).map(lambda found: {f"{kind}_token_id": value for kind, value in found.items()})


@settings(max_examples=150, deadline=None)
@given(processors, names, config_ids, config_ids)
def test_equals_the_reference(
    processor: dict[str, Any] | None,
    named: dict[str, Any],
    ids: dict[str, Any],
    inner_ids: dict[str, Any],
) -> None:
    named = {"eos_token": END, **named, "bos_token": FIRST}
    if processor is not None and processor["type"] == "RobertaProcessing":
        named |= {"eos_token": LAST}
    if processor is not None:
        # Released gguf versions differ in whether a template may name an unset bos or cls token;
        # test_a_template_names_unset_tokens has that rule.
        named = {"cls_token": "<s>", **named}
    with TemporaryDirectory() as name:
        folder = Path(name)
        tokens = [added(7 + i, content) for i, content in enumerate(TEXTS)]
        write_bpe(folder, added_tokens=tokens, post_processor=processor)
        write_json(folder, "tokenizer_config.json", {"chat_template": "t", **named})
        write_json(folder, "config.json", {**ids, "text_config": inner_ids})
        expected, got = theirs(folder), ours(folder)
        assert got == expected


TEMPLATE = "{{ messages }}"
LISTED = [{"name": "default", "template": TEMPLATE}, {"name": "tool-use.1", "template": "tools"}]


@pytest.mark.parametrize(
    "setting,files",
    [
        ({"chat_template": TEMPLATE}, {}),
        ({"chat_template": LISTED}, {}),
        ({"chat_template": LISTED[1:]}, {}),
        ({"chat_template": 7}, {}),
        ({}, {"chat_template.jinja": TEMPLATE, "chat_template.json": "not read"}),
        ({}, {"chat_template.jinja": TEMPLATE, "additional_chat_templates/rag.jinja": "rag"}),
        ({}, {"chat_template.json": json.dumps({"chat_template": TEMPLATE})}),
        ({}, {}),
    ],
)
def test_chat_templates_equal_the_reference(
    tmp_path: Path, setting: dict[str, Any], files: dict[str, str]
) -> None:
    write_bpe(tmp_path)
    write_json(tmp_path, "tokenizer_config.json", {"bos_token": END, "eos_token": END, **setting})
    write_json(tmp_path, "config.json", {})
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert ours(tmp_path) == theirs(tmp_path)


@pytest.mark.parametrize(
    "normalizer,expected",
    [
        (None, {}),
        ({"type": "Lowercase"}, {"lowercase": True}),
        (
            {"type": "BertNormalizer", "lowercase": False, "strip_accents": None},
            {"lowercase": False},
        ),
        (
            {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "StripAccents"}]},
            {"strip_accents": True},
        ),
    ],
)
def test_normalizer_options(
    tmp_path: Path, normalizer: dict[str, Any] | None, expected: dict[str, bool]
) -> None:
    write_bpe(tmp_path, normalizer=normalizer)
    write_json(tmp_path, "config.json", {})
    prefix = "tokenizer.ggml.normalizer."
    found = {k.removeprefix(prefix): v for k, v in ours(tmp_path).items() if k.startswith(prefix)}
    assert found == expected


def test_an_id_outside_the_vocabulary_is_left_out(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    for i in (ROWS, 8, -1):  # beyond the rows, unused, and a way to write that there is none
        exported = export(tmp_path, "bpe", rows=ROWS, config={"pad_token_id": i})
        assert "tokenizer.ggml.padding_token_id" not in {key for key, _, _ in exported.keys}
        assert any(f"pad {i}" in note for note in exported.notes) == (i > 0)


def test_the_post_processor_names_bos_when_no_settings_do(tmp_path: Path) -> None:
    processor = {"type": "TemplateProcessing", "single": [special(END), text("A")], "pair": []}
    write_bpe(tmp_path, post_processor=processor)
    (tmp_path / "tokenizer_config.json").unlink()
    exported = export(tmp_path, "bpe", rows=None, config={})
    assert ("tokenizer.ggml.bos_token_id", "uint32", 7) in exported.keys
    assert ("tokenizer.ggml.add_bos_token", "bool", True) in exported.keys


def test_a_template_names_unset_tokens(tmp_path: Path) -> None:
    processor = {"type": "TemplateProcessing", "single": [special(END), text("A")], "pair": []}
    write_bpe(tmp_path, post_processor=processor)
    write_json(tmp_path, "tokenizer_config.json", {"pad_token": "a"})
    exported = export(tmp_path, "bpe", rows=None, config={"bos_token_id": 3})
    assert ("tokenizer.ggml.bos_token_id", "uint32", 7) in exported.keys
    assert ("tokenizer.ggml.add_bos_token", "bool", True) in exported.keys


def test_no_is_said_where_llamacpp_assumes_yes(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    exported = export(tmp_path, "bpe", rows=None, config={}, pre="llama-bpe")
    assert ("tokenizer.ggml.add_bos_token", "bool", False) in exported.keys


def test_a_broken_chat_template_file_is_named(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    (tmp_path / "chat_template.json").write_text("{", encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"chat_template\.json: not JSON"):
        export(tmp_path, "bpe", rows=None, config={})


# ------------------------------------------------------------ what transformers does otherwise
NEW = "NEW {{ messages }}"


@pytest.mark.parametrize(
    "setting,files,expected",
    [
        ({"chat_template": "old"}, {"chat_template.jinja": NEW}, {"": NEW}),
        ({"chat_template": None}, {"chat_template.jinja": NEW}, {"": NEW}),
        ({"chat_template": LISTED}, {"chat_template.jinja": NEW}, {"": NEW}),
        (None, {"chat_template.jinja": NEW}, {"": NEW}),
        (None, {"chat_template.json": json.dumps({"chat_template": NEW})}, {"": NEW}),
        ({"chat_template": "old"}, {"additional_chat_templates/rag.jinja": NEW}, {".rag": NEW}),
        ({"chat_template": {"default": "a", "x y": "b"}}, {}, {"": "a", ".x_y": "b"}),
        ({"chat_template": None}, {}, {}),
    ],
)
def test_files_of_chat_templates_come_first(
    tmp_path: Path,
    setting: dict[str, Any] | None,
    files: dict[str, str],
    expected: dict[str, str],
) -> None:
    write_bpe(tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    if setting is not None:
        write_json(tmp_path, "tokenizer_config.json", {"eos_token": END, **setting})
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    exported = export(tmp_path, "bpe", rows=None, config={})
    prefix = "tokenizer.chat_template"
    found = {
        key.removeprefix(prefix): value
        for key, kind, value in exported.keys
        if key.startswith(prefix) and kind == "string"
    }
    assert found == expected
    said = isinstance((setting or {}).get("chat_template"), str | list)
    assert any("left aside" in note for note in exported.notes) == (said and bool(files))


def ids_of(folder: Path, config: dict[str, Any], **options: Any) -> dict[str, Any]:
    exported = export(folder, "bpe", rows=options.get("rows"), config=config)
    names = ("bos", "eos", "eot", "eom")
    found = {key: value for key, _, value in exported.keys}
    ids = {kind: found.get(f"tokenizer.ggml.{kind}_token_id") for kind in names}
    return {**{k: v for k, v in ids.items() if v is not None}, "notes": exported.notes}


STOPS = [END, "<a>", "<b>", "<c>", "<|im_end|>"]  # ids 7 … 11; the first and last end by their text


@pytest.mark.parametrize(
    "named,config,generation,expected",
    [
        # Named eos stays; what llama.cpp does not know by text becomes eot, then eom.
        ("<a>", {"eos_token_id": [8, 9]}, None, {"eos": 8, "eot": 9}),
        ("<a>", {"eos_token_id": [9, 8, 10]}, None, {"eos": 8, "eot": 9, "eom": 10}),
        ("<a>", {"eos_token_id": 8}, {"eos_token_id": [8, 10]}, {"eos": 8, "eot": 10}),
        ("<a>", {}, {"eos_token_id": 9}, {"eos": 8, "eot": 9}),
        # Nothing named: the first of the list.
        (None, {"eos_token_id": [9, 8]}, None, {"eos": 9, "eot": 8}),
        (None, {"text_config": {"eos_token_id": [10]}}, None, {"eos": 10}),
        # Known by text: no key needed, but for the end of a turn one is right and others are not.
        ("<a>", {"eos_token_id": [8, 7, 9]}, None, {"eos": 8, "eot": 9}),
        ("<a>", {"eos_token_id": [8, 7]}, None, {"eos": 8, "eot": 7}),
        ("<a>", {"eos_token_id": [8, 7, 11]}, None, {"eos": 8, "eot": 11}),
        ("<|im_end|>", {"eos_token_id": [11, 7]}, None, {"eos": 11}),
        # An ordinary token: only when a list says so, or nothing else is named.
        ("<a>", {"eos_token_id": 2}, None, {"eos": 8}),
        ("<a>", {"eos_token_id": [8, 2]}, None, {"eos": 8, "eot": 2}),
        (None, {"eos_token_id": 2}, None, {"eos": 2}),
    ],
)
def test_stop_tokens(
    tmp_path: Path,
    named: str | None,
    config: dict[str, Any],
    generation: dict[str, Any] | None,
    expected: dict[str, int],
) -> None:
    write_bpe(tmp_path, added_tokens=[added(7 + i, text) for i, text in enumerate(STOPS)])
    write_json(tmp_path, "tokenizer_config.json", {"bos_token": END, "eos_token": named})
    if generation is not None:
        write_json(tmp_path, "generation_config.json", generation)
    found = ids_of(tmp_path, config)
    del found["notes"]
    assert found == {"bos": 7, **expected}


def test_stop_tokens_without_a_key_are_noted(tmp_path: Path) -> None:
    texts = [END, "<a>", "<b>", "<c>", "<d>"]
    write_bpe(tmp_path, added_tokens=[added(7 + i, text) for i, text in enumerate(texts)])
    found = ids_of(tmp_path, {"eos_token_id": [7, 8, 9, 10, 11, 99]})
    assert [found[kind] for kind in ("eos", "eot", "eom")] == [7, 8, 9]
    assert any("(2): '<c>' (id 10); '<d>' (id 11)" in note for note in found["notes"])
    assert any("eos 99" in note for note in found["notes"])


def test_a_broken_generation_config_is_a_note(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    (tmp_path / "generation_config.json").write_text("{", encoding="utf-8")
    assert any("generation_config.json is left aside" in n for n in ids_of(tmp_path, {})["notes"])


@pytest.mark.parametrize(
    "texts,rows,expected",
    [
        (["<x>", "<|eot_id|>"], None, 8),  # ends a generation anyway
        (["<x>"], 9, 8),  # an unused id
        (["<x>"], None, 7),  # a control token
    ],
)
def test_eos_never_falls_to_an_arbitrary_token(
    tmp_path: Path, texts: list[str], rows: int | None, expected: int
) -> None:
    write_bpe(tmp_path, added_tokens=[added(7 + i, text) for i, text in enumerate(texts)])
    write_json(tmp_path, "tokenizer_config.json", {})
    found = ids_of(tmp_path, {}, rows=rows)
    assert (found["eos"], found["bos"]) == (expected, expected)
    assert any(f"has no eos token: id {expected}" in note for note in found["notes"])


def test_without_any_harmless_token_eos_must_be_named(tmp_path: Path) -> None:
    write_bpe(tmp_path, added_tokens=[])
    write_json(tmp_path, "tokenizer_config.json", {})
    with pytest.raises(TokenizerError, match=r"no eos token, and llama\.cpp would take id 11"):
        export(tmp_path, "bpe", rows=None, config={})


@pytest.mark.parametrize("flag", ["add_bos_token", "add_eos_token"])
def test_flags_do_not_count_beside_tokenizer_json(tmp_path: Path, flag: str) -> None:
    write_bpe(tmp_path)
    write_json(tmp_path, "tokenizer_config.json", {"bos_token": END, "eos_token": END, flag: True})
    exported = export(tmp_path, "bpe", rows=None, config={})
    assert f"tokenizer.ggml.{flag}" not in {key for key, _, _ in exported.keys}
    assert any(f"{flag} true" in note for note in exported.notes)


def test_several_tokens_in_front_are_noted(tmp_path: Path) -> None:
    single = [special(END), special("<s>"), text("A")]
    processor = {"type": "TemplateProcessing", "single": single, "pair": []}
    write_bpe(tmp_path, added_tokens=[added(7, END), added(8, "<s>")], post_processor=processor)
    exported = export(tmp_path, "bpe", rows=None, config={})
    assert ("tokenizer.ggml.add_bos_token", "bool", False) in exported.keys
    assert any("several tokens in front of" in note and END in note for note in exported.notes)


def test_a_token_around_a_text_needs_a_row(tmp_path: Path) -> None:
    processor = {"type": "TemplateProcessing", "single": [special("<s>"), text("A")], "pair": []}
    write_bpe(tmp_path, added_tokens=[added(7, END), added(8, "<s>")], post_processor=processor)
    exported = export(tmp_path, "bpe", rows=8, config={"bos_token_id": 3})
    assert ("tokenizer.ggml.bos_token_id", "uint32", 7) in exported.keys
    assert ("tokenizer.ggml.add_bos_token", "bool", False) in exported.keys
    assert any("'<s>'" in note and "are not added" in note for note in exported.notes)


@pytest.mark.parametrize("name,value", [("add_bos_token", "yes"), ("add_prefix_space", 1)])
def test_switches_are_switches(tmp_path: Path, name: str, value: object) -> None:
    write_bpe(tmp_path)
    write_json(tmp_path, "tokenizer_config.json", {name: value, "tokenizer_class": "GPT2Tokenizer"})
    with pytest.raises(TokenizerError, match=f"{name} is {value!r}, neither true nor false"):
        export(tmp_path, "bpe", rows=None, config={})
