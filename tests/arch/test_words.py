"""Words of the table language that are told from each other by cases, each by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantcli.arch import Model, expand
from quantcli.arch.account import unaccounted
from quantcli.arch.blocks import first_of
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import sorted_heads
from quantcli.arch.registry import named
from quantcli.arch.windows import full_first
from quantcli.errors import ArchitectureError, ConfigError

FULL, SLIDING = "full_attention", "sliding_attention"


def facts(config: dict[str, Any], *tensors: str, **more: Any) -> Facts:
    return Facts(config, Path(), dict.fromkeys(tensors, (1,)), "A", **more)


# --------------------------------------------------------------------------- fields inside objects
def test_a_dot_leads_into_an_object() -> None:
    inner = {"attn": {"alibi": False, "clip": None, "deep": {"er": 2}}}
    found = facts(inner, defaults={"attn": {"alibi": True, "max": 8}})
    assert found.get("attn.alibi") is False
    assert found.get("attn.max") == 8
    assert found.get("attn.deep.er") == 2
    assert found.get("attn.none", "attn.clip", "attn.max") is None
    assert found.says("attn.clip")
    assert found.says("attn.max")
    assert not found.says("attn.none")
    assert not found.says("attn.alibi.x")


def test_what_nobody_asked_for_inside_an_object_is_told_by_itself() -> None:
    config = {"attn": {"alibi": True, "odd": 7}, "other": {"odd": 7}, "model.name": "x"}
    found = facts(config)
    found.get("attn.alibi")
    (note,) = unaccounted(config, named("llama"), found)
    assert "attn.odd (7)" in note
    assert "other (" in note
    assert "attn.alibi" not in note


# ----------------------------------------------------------------------------------- names of rows
@pytest.mark.parametrize(
    "there, taken",
    [
        (("a", "b", "c"), "a"),
        (("b", "c"), "b"),
        (("c",), "c"),
        ((), "a"),
    ],
)
def test_the_first_name_that_is_there_counts(there: tuple[str, ...], taken: str) -> None:
    rows = first_of("token_embd.weight", "a", "b", "c")
    applying = [row for row in rows if row.when is not None and row.when(facts({}, *there))]
    assert [row.sources for row in applying] == [(taken,)]


# ------------------------------------------------------------------------------------------- heads
@pytest.mark.parametrize("heads, groups", [(4, 4), (4, 2), (6, 1)])
def test_heads_stored_one_by_one_are_sorted(heads: int, groups: int) -> None:
    size, shared = 3, heads // groups
    config = {"hidden_size": heads * size, "num_attention_heads": heads}
    count, *ends = sorted_heads(lambda _: groups)(facts(config))
    rows = np.arange((heads + 2 * groups) * size).reshape(int(count), -1)
    pairs = zip(ends[::2], ends[1::2], strict=True)
    found = np.concatenate([rows[:, int(a) : int(b)].ravel() for a, b in pairs])
    stored = np.arange((heads + 2 * groups) * size).reshape(groups, shared + 2, size)
    queries, keys, values = stored[:, :shared], stored[:, shared], stored[:, shared + 1]
    wanted = np.concatenate([queries.ravel(), keys.ravel(), values.ravel()])
    assert found.tolist() == wanted.tolist()


# ----------------------------------------------------------------------------------------- windows
@pytest.mark.parametrize(
    "config, period, refused",
    [
        ({}, 3, False),
        ({"every": 2}, 2, False),
        ({"layer_types": [FULL, SLIDING, SLIDING, FULL]}, 3, False),
        ({"layer_types": [FULL, SLIDING, FULL, SLIDING]}, 2, False),
        ({"layer_types": [FULL] * 4}, 1, False),
        ({"layer_types": [SLIDING] * 4}, 0, False),
        ({"layer_types": [SLIDING, FULL, FULL, SLIDING]}, None, True),
        ({"layer_types": [FULL, SLIDING, SLIDING]}, None, True),
        ({"every": "often"}, None, True),
    ],
)
def test_windows_behind_a_full_layer(
    config: dict[str, Any], period: int | None, refused: bool
) -> None:
    key, row = full_first(3, "every")
    found = facts({"num_hidden_layers": 4, **config})
    assert key.derive is not None
    assert row.read is not None
    assert key.derive(found) == period
    assert (row.read(found) is not None) == refused


# ------------------------------------------------------------------------------------------ bounds
@pytest.mark.parametrize("name", ["t5", "openelm", "gemma2", "modern-bert", "nomic-bert-moe"])
def test_more_layers_than_the_runtime_has_room_for_are_refused_first(
    name: str, tmp_path: Path
) -> None:
    """A table that counts layers would otherwise count two thousand million of them."""
    table = named(name)
    config = {"architectures": [table.hf[0]], "num_hidden_layers": 2**31}

    def expanded() -> Model:
        return expand(config, {}, tmp_path, name)

    with pytest.raises((ArchitectureError, ConfigError), match="2147483648"):
        expanded()
