"""Whatever a card, its advice and the origin say, there are entries that a header can hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from quantcli.arch import Model, card, expand
from quantcli.arch.general import general_entries
from quantcli.checkpoint import open_checkpoint
from quantcli.container.header import build_header

FIELDS = (*card._TEXTS, *card._LISTS, *card._ORIGINS)
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        (
            *(
                "org/name",
                "https://huggingface.co/a/b",
                "-",
                "--",
                "a--b-7B",
                "7B",
                "a-7b1",
                "org/---",
            ),
            *(
                "/",
                "./a",
                "C:\\x",
                "a b/c",
                "x-٣B",
                "x-._B",
                f"a-9{'9' * 400}B",
                "{{ x }}",
                "ssh://a",
            ),
        )
    ),
)
SCALARS = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(card._ORIGIN_FIELDS), TEXTS), inner, max_size=3),
    ),
    max_leaves=6,
)
ADVICE = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    folder = tiny.write_tiny("llama", tmp_path_factory.mktemp("card") / "model")
    checkpoint = open_checkpoint(folder)
    return folder, expand(checkpoint.config, checkpoint.refs, checkpoint.root)


@settings(max_examples=150)
@given(
    fields=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
    advice=st.dictionaries(st.sampled_from(["top_k", "temperature", "sequence"]), ADVICE),
    origin=ADVICE,
)
def test_anything_gives_a_header(
    model: tuple[Path, Model], fields: dict[str, Any], advice: dict[str, Any], origin: object
) -> None:
    folder, expanded = model
    front = yaml.safe_dump(fields, allow_unicode=True)
    (folder / "README.md").write_text(f"---\n{front}---\n", encoding="utf-8", errors="replace")
    (folder / "generation_config.json").write_text(json.dumps(advice), encoding="utf-8")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "_name_or_path": origin}))
    entries, notes = general_entries(folder, expanded)
    build_header(list(entries), [])
    assert {"general.architecture", "general.name"} <= {entry.key for entry in entries}
    assert all(entry.value for entry in entries if entry.key == "general.name")
    assert all("\n" not in note and len(note) < 2000 for note in notes)
