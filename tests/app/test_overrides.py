"""What users set by hand: names and metadata, in the file, in its plan and when it is verified."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
import tiny

import quantcli
from quantcli.container.reader import GgufFile
from quantcli.errors import UsageError

MakeTiny = Callable[..., Path]
BY_HAND = {
    "general.author": "Someone",
    "general.tags": "one,two",
    "general.languages": '["en", "de, at"]',
    "general.sampling.temp": "0.25",
    "general.sampling.top_k": 40,
    "mine.count": "uint16:7",
    "mine.flag": True,
    "mine.list": [1, 2, 3],
    "mine.share": 0.5,
    "mine.text": "string:uint32:5",
    "mine.url": "https://example.org/a:b",
}
V = gguf.GGUFValueType


def test_values_and_types_are_as_the_gguf_library_reads_them(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    output = tmp_path / "out.gguf"
    quantcli.convert(
        make_tiny("llama"), "Q8_0", output, jobs=1, model_name="Org/A Name", metadata=BY_HAND
    )
    fields = gguf.GGUFReader(output).fields
    expected = {
        "general.name": ([V.STRING], "Org/A Name"),
        "general.author": ([V.STRING], "Someone"),
        "general.tags": ([V.ARRAY, V.STRING], ["one", "two"]),
        "general.languages": ([V.ARRAY, V.STRING], ["en", "de, at"]),
        "general.sampling.temp": ([V.FLOAT32], 0.25),
        "general.sampling.top_k": ([V.INT32], 40),
        "mine.count": ([V.UINT16], 7),
        "mine.flag": ([V.BOOL], True),
        "mine.list": ([V.ARRAY, V.INT64], [1, 2, 3]),
        "mine.share": ([V.FLOAT64], 0.5),
        "mine.text": ([V.STRING], "uint32:5"),
        "mine.url": ([V.STRING], "https://example.org/a:b"),
        "quantcli.overrides": ([V.ARRAY, V.STRING], ["model_name", *sorted(BY_HAND)]),
    }
    for key, (types, value) in expected.items():
        assert fields[key].types == types, key
        assert fields[key].contents() == value, key


def test_a_key_that_is_there_keeps_its_place_and_type(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model = make_tiny("mistral")  # its card and generation_config.json fill general.*
    before, after = tmp_path / "before.gguf", tmp_path / "after.gguf"
    quantcli.convert(model, "Q8_0", before, jobs=1)
    changed = {"general.license": "mit", "general.sampling.top_k": "5"}
    quantcli.convert(model, "Q8_0", after, jobs=1, metadata=changed)
    old, new = GgufFile(before).entries, GgufFile(after).entries
    assert [key for key in new if key != "quantcli.overrides"] == list(old)
    assert (old["general.license"].value, new["general.license"].value) == ("apache-2.0", "mit")
    assert {key: entry.type for key, entry in old.items()}.items() <= {
        key: entry.type for key, entry in new.items()
    }.items()


def test_the_order_of_the_options_does_not_matter(make_tiny: MakeTiny) -> None:
    model = make_tiny("llama")
    backwards = dict(reversed(BY_HAND.items()))
    one = quantcli.plan(model, "Q8_0", metadata=BY_HAND)
    assert one == quantcli.plan(model, "Q8_0", metadata=backwards)
    assert one != quantcli.plan(model, "Q8_0")


@pytest.mark.parametrize(
    "metadata, word",
    [
        ({"llama.block_count": "3"}, "llama.*"),
        ({"qwen2.block_count": "3"}, "qwen2.*"),
        ({"tokenizer.ggml.eos_token_id": "3"}, "tokenizer.*"),
        ({"quantcli.preset": "F16"}, "quantcli.*"),
        ({"split.count": "2"}, "split.*"),
        ({"general.architecture": "gpt2"}, "how the file is read"),
        ({"general.alignment": "64"}, "how the file is read"),
        ({"general.file_type": "1"}, "how the file is read"),
        ({"Upper.case": "x"}, "keys are words"),
        ({"word": "x"}, "keys are words"),
        ({"general.sampling.temp": "warm"}, "no float32"),
        ({"general.sampling.temp": "1e39"}, "no float32"),
        ({"general.sampling.temp": "nan"}, "no float32"),
        ({"general.sampling.top_k": "int64:5"}, "is of the type int32"),
        ({"mine.count": "uint8:256"}, "no uint8"),
        ({"mine.flag": "bool:perhaps"}, "neither true nor false"),
        ({"mine.list": []}, "no value of GGUF"),
        ({"mine.list": [1, "a"]}, "no int64"),
        ({"mine.list": "array:int32:[1, 2"}, "mine.list"),
        ({"mine.thing": object()}, "no value of GGUF"),
        ({"general.author": 5}, "no string"),
    ],
)
def test_what_cannot_be_set_is_refused_with_its_reason(
    make_tiny: MakeTiny, metadata: dict[str, object], word: str
) -> None:
    with pytest.raises(UsageError) as caught:
        quantcli.plan(make_tiny("llama"), "Q8_0", metadata=metadata)
    assert word in str(caught.value)


def test_all_that_is_wrong_is_listed_together(make_tiny: MakeTiny) -> None:
    wrong = {"llama.x": "1", "split.no": "2", "mine.count": "uint8:-1"}
    with pytest.raises(UsageError) as caught:
        quantcli.plan(make_tiny("llama"), "Q8_0", metadata=wrong)
    assert all(key in str(caught.value) for key in wrong)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1bb"])
def test_a_model_has_a_printable_name(make_tiny: MakeTiny, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        quantcli.plan(make_tiny("llama"), "Q8_0", model_name=name)


def test_the_name_is_said_once(make_tiny: MakeTiny) -> None:
    with pytest.raises(UsageError, match="model_name=NAME"):
        quantcli.plan(make_tiny("llama"), "Q8_0", model_name="A", metadata={"general.name": "B"})


# ---------------------------------------------------------------------------------- the same bytes
def test_with_a_name_the_folder_s_name_does_not_matter(tmp_path: Path) -> None:
    one = tiny.write_tiny("llama", tmp_path / "Tiny-Llama-7B-Chat-v1.2")
    two = Path(shutil.copytree(one, tmp_path / "2 other_name"))
    plans = [quantcli.plan(folder, "Q8_0").header for folder in (one, two)]
    assert plans[0] != plans[1]  # general.name and what is derived from it
    made = [tmp_path / "one.gguf", tmp_path / "two.gguf"]
    for folder, output in zip((one, two), made, strict=True):
        quantcli.convert(folder, "Q8_0", output, jobs=1, model_name="Tiny-Llama-7B-Chat-v1.2")
    assert made[0].read_bytes() == made[1].read_bytes()
    derived = GgufFile(made[1]).entries
    assert derived["general.basename"].value == "Tiny-Llama"
    assert derived["general.finetune"].value == "7b-Chat"
    assert derived["general.version"].value == "v1.2"


# ---------------------------------------------------------------------------------------- verify
@pytest.fixture
def by_hand(make_tiny: MakeTiny, tmp_path: Path) -> tuple[Path, Path]:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    quantcli.convert(model, "Q8_0", output, jobs=1, model_name="A Name", metadata=BY_HAND)
    return model, output


def test_verify_takes_from_the_file_what_was_set_by_hand(by_hand: tuple[Path, Path]) -> None:
    model, output = by_hand
    result = quantcli.verify(output, model, exact=True, jobs=1)
    assert result.passed, result.problems
    (note,) = [note for note in result.notes if "by hand" in note]
    assert "general.name" in note
    assert all(key in note for key in BY_HAND)


def patch(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert len(old) == len(new)
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new, 1))


def test_verify_believes_only_keys_that_can_be_set(by_hand: tuple[Path, Path]) -> None:
    model, output = by_hand
    # The list claims a key of the architecture instead of one of the same length.
    name = b"general.sampling.top_k"
    where = output.read_bytes().rindex(name)
    data = bytearray(output.read_bytes())
    data[where : where + len(name)] = b"llama.embedding_length"
    output.write_bytes(data)
    result = quantcli.verify(output, model, jobs=1)
    assert any("quantcli.overrides" in problem for problem in result.problems)
    assert any("general.sampling.top_k" in problem for problem in result.problems)


def test_verify_still_finds_what_was_not_set_by_hand(by_hand: tuple[Path, Path]) -> None:
    model, output = by_hand
    patch(output, b"general.size_label", b"general.sizelabels")
    problems = quantcli.verify(output, model, jobs=1).problems
    assert len(problems) == 2
    assert all("general.size" in problem for problem in problems)
