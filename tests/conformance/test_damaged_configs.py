"""Every table with fields of config.json that are junk: a model, or an error that names itself.

QUANTCLI_DAMAGED=N tries N changes of every architecture instead of the few here.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from conformance import case, frozen
from quantcli.arch import expand
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import QuantcliError

CHANGES = int(os.environ.get("QUANTCLI_DAMAGED", "6"))
CASES = {arch: cases for arch, cases in case.load().items() if not cases[0].refused}
JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    7,
    10**12,
    0.5,
    -2.5,
    1e300,
    "",
    "x",
    [],
    [None],
    [1, "x"],
    {},
    {"x": 1},
    {"full_attention": 3},
    "absent",
)


def places(config: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in config.items():
        found.append((*prefix, key))
        if isinstance(value, dict):
            found += places(value, (*prefix, key))
    return found


def put(config: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    head, *rest = place
    if rest:
        return {**config, head: put(config[head], tuple(rest), value)}
    if value == "absent":
        return {key: each for key, each in config.items() if key != head}
    return {**config, head: value}


@pytest.mark.parametrize("arch", CASES)
def test_junk_in_the_config_is_a_model_or_a_named_error(arch: str, tmp_path: Path) -> None:
    fixture = frozen.read(frozen.FOLDER / f"{arch}.json")
    chance = random.Random(arch)
    for _ in range(CHANGES):
        one = chance.choice(CASES[arch])
        made = frozen.made(one, fixture["cases"][one.name])
        refs = {
            name: TensorRef(name, "F32", tuple(shape), "model.safetensors", 0, 0)
            for name, shape in made.shapes.items()
        }
        config = dict(made.config)
        for _ in range(chance.choice((1, 1, 2))):
            config = put(config, chance.choice(places(config)), chance.choice(JUNK))
        try:
            expand(config, refs, tmp_path)
        except QuantcliError as error:
            assert len(str(error)) < 20000  # noqa: PT017 - a bound on every message, any will do
