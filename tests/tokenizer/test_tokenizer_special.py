"""Special ids, flags and chat templates against gguf's SpecialVocab, which the converter uses."""

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
    first, last = draw(_ends), draw(_ends)
    middle = draw(st.lists(st.sampled_from(TEXTS).map(special), max_size=2))
    pair = draw(st.sampled_from([[], [*first, text("A"), *middle, text("B"), *last]]))
    return {"type": "TemplateProcessing", "single": [*first, text("A"), *last], "pair": pair}


roberta = st.tuples(st.sampled_from(TEXTS), st.sampled_from(TEXTS)).map(
    lambda pair: {"type": "RobertaProcessing", "cls": [pair[0], 8], "sep": [pair[1], 9]}
)
byte_level = st.just({"type": "ByteLevel", "trim_offsets": True})
processors = st.none() | st.one_of(
    templates(),
    roberta,
    byte_level,
    st.lists(st.one_of(templates(), byte_level), max_size=2).map(
        lambda inner: {"type": "Sequence", "processors": inner}
    ),
)
flags = st.dictionaries(st.sampled_from(["bos", "eos", "sep"]), st.booleans()).map(
    lambda found: {f"add_{kind}_token": value for kind, value in found.items()}
)
names = st.dictionaries(st.sampled_from(KINDS), st.sampled_from([*TEXTS, "<absent>"])).map(
    lambda found: {f"{kind}_token": value for kind, value in found.items()}
)
config_ids = st.dictionaries(
    st.sampled_from(KINDS), st.integers(0, ROWS - 1) | st.none() | st.just([1, 2])
).map(lambda found: {f"{kind}_token_id": value for kind, value in found.items()})


@settings(max_examples=150, deadline=None)
@given(processors, names, flags, config_ids, config_ids)
def test_equals_the_reference(
    processor: dict[str, Any] | None,
    named: dict[str, Any],
    added_flags: dict[str, Any],
    ids: dict[str, Any],
    inner_ids: dict[str, Any],
) -> None:
    if processor is not None:
        # Released gguf versions differ in whether a template may name an unset bos or cls token;
        # test_a_template_names_unset_tokens has that rule.
        named = {"bos_token": END, "cls_token": "<s>", **named}
    with TemporaryDirectory() as name:
        folder = Path(name)
        tokens = [added(7 + i, content) for i, content in enumerate(TEXTS)]
        write_bpe(folder, added_tokens=tokens, post_processor=processor)
        write_json(folder, "tokenizer_config.json", {"chat_template": "t", **named, **added_flags})
        write_json(folder, "config.json", {**ids, "text_config": inner_ids})
        expected, got = theirs(folder), ours(folder)
        assert list(got) == list(expected)
        assert got == expected


TEMPLATE = "{{ messages }}"
LISTED = [{"name": "default", "template": TEMPLATE}, {"name": "tool-use.1", "template": "tools"}]


@pytest.mark.parametrize(
    "setting,files",
    [
        ({"chat_template": TEMPLATE}, {"chat_template.jinja": "not this"}),
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
    write_json(tmp_path, "tokenizer_config.json", {"bos_token": END, **setting})
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
    exported = export(tmp_path, "bpe", rows=ROWS, config={"pad_token_id": ROWS})
    assert "tokenizer.ggml.padding_token_id" not in {key for key, _, _ in exported.keys}
    assert any("pad token id 32" in note for note in exported.notes)


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
