"""What is kept of a case's run, small and readable, so that it is checked without torch.

A fixture has what makes the checkpoint again (config.json, names and shapes; the values follow from
the names), what must come out (keys, and a hash of each tensor: those that llama.cpp's converter
wrote, or of ours where the case explains the difference), and the figures that were measured. A
case that is like an earlier one of its architecture says only what differs from it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from conformance.case import Case
from conformance.checkpoint import Made

FOLDER = Path(__file__).parents[1] / "fixtures" / "conformance"
# Fields of a case that say what is expected of it or why, and change no byte.
_REASONS = {"runtime_wrong", "peer_differs", "peer_fails", "noted", "refused", "statement", "twin"}
_NUMBER = re.compile(r"(?<=[._])\d+(?=\.)")
# Hexadecimal digits of the hash of all tensors, and of each one's, which only says where to look.
_WHOLE, _SHORT = 32, 4

Contents = tuple[Mapping[str, tuple[str, tuple[int, ...], bytes]], Mapping[str, Any]]


def case_digest(case: Case) -> str:
    """Return a digest of what in `case` decides over the checkpoint and the conversion."""
    said = {f.name: getattr(case, f.name) for f in fields(case) if f.name not in _REASONS}
    text = json.dumps(said, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ------------------------------------------------------------------------------ names in groups
def grouped(by_name: Mapping[str, Any]) -> dict[str, Any]:
    """Return {pattern: {numbers: value}}, numbers of layers and experts taken out of the names.

    "a.0.b.w" and "a.1.b.w" of one value become {"a.#.b.w": {"0-1": value}}.
    """
    groups: dict[str, dict[str, list[tuple[int, ...]]]] = {}
    for name in sorted(by_name):
        numbers = tuple(int(found) for found in _NUMBER.findall(name))
        value = json.dumps(by_name[name])
        groups.setdefault(_NUMBER.sub("#", name), {}).setdefault(value, []).append(numbers)
    return {
        pattern: {_spelled(numbers): json.loads(value) for value, numbers in values.items()}
        for pattern, values in groups.items()
    }


def ungrouped(groups: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `grouped` was given, ordered by name."""
    found = {}
    for pattern, values in groups.items():
        for spelled, value in values.items():
            for numbers in _numbers(spelled):
                left = iter(numbers)
                found[re.sub("#", lambda _: str(next(left)), pattern)] = value  # noqa: B023 - used at once
    return dict(sorted(found.items()))


def _spelled(numbers: list[tuple[int, ...]]) -> str:
    """Return "0-1 x 0-3" for all pairs, or the tuples one by one where they are no product."""
    sides = [sorted({one[i] for one in numbers}) for i in range(len(numbers[0]))]
    if math.prod(map(len, sides)) == len(numbers):
        return "x".join(_ranges(side) for side in sides)
    return "|".join(".".join(map(str, one)) for one in numbers)


def _ranges(side: list[int]) -> str:
    runs: list[list[int]] = []
    for number in side:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def _numbers(spelled: str) -> Iterable[tuple[int, ...]]:
    if "|" in spelled or re.fullmatch(r"\d+(\.\d+)+", spelled):
        return [tuple(map(int, one.split("."))) for one in spelled.split("|")]
    sides = []
    for side in spelled.split("x") if spelled else ():
        runs = [run.partition("-") for run in side.split(",")]
        sides.append([n for low, _, high in runs for n in range(int(low), int(high or low) + 1)])
    return list(itertools.product(*sides))


# ----------------------------------------------------------------------------------- differences
def changes(value: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return what turns `base` into `value`; fields that are gone are listed under "-"."""
    gone = [name for name in base if name not in value]
    changed = {k: v for k, v in value.items() if k not in base or base[k] != v}
    return {**changed, "-": gone} if gone else changed


def applied(change: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value that `changes` was given."""
    gone = change.get("-", ())
    kept = {name: value for name, value in base.items() if name not in gone}
    return {**kept, **{name: value for name, value in change.items() if name != "-"}}


# ----------------------------------------------------------------------------------- the record
def outcome(contents: Mapping[str, Contents]) -> dict[str, Any]:
    """Return keys and hashes of the files of the types given, as a fixture has them."""
    first, *others = contents.values()
    tensors = {
        name: [list(shape), *dict.fromkeys([kind, *(o[0].get(name, "?")[0] for o in others)])]
        for name, (kind, shape, _) in first[0].items()
    }
    return {
        "keys": {name: list(value) for name, value in first[1].items()},
        "tensors": grouped(tensors),
        "hashes": {kind: _hashes(made) for kind, (made, _) in contents.items()},
    }


def _hashes(tensors: Mapping[str, tuple[str, tuple[int, ...], bytes]]) -> dict[str, str]:
    """Return a hash over all, and a short one of each in order of the names, to find which."""
    whole, each = hashlib.sha256(), []
    for name in sorted(tensors):
        kind, shape, data = tensors[name]
        one = hashlib.sha256(f"{name} {kind} {shape} ".encode() + data)
        whole.update(one.digest())
        each.append(one.hexdigest()[:_SHORT])
    return {"all": whole.hexdigest()[:_WHOLE], "each": "".join(each)}


def different(expected: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each tensor and key of `got` that is not as `expected` has it."""
    said = []
    for part in ("keys", "tensors"):
        wanted, found = expected[part], got[part]
        if part == "tensors":
            wanted, found = ungrouped(wanted), ungrouped(found)
        said += [
            f"{name}: {found.get(name, 'missing')}, not {wanted.get(name, 'there')}"
            for name in {**wanted, **found}
            if wanted.get(name) != found.get(name)
        ]
    names = sorted(ungrouped(expected["tensors"]))
    for kind, hashes in expected["hashes"].items():
        mine = got["hashes"][kind]
        if said or hashes["all"][:_WHOLE] == mine["all"][:_WHOLE]:
            continue
        pieces = zip(names, _cut(hashes["each"], names), _cut(mine["each"], names), strict=True)
        off = [name for name, a, b in pieces if a != b]
        said.append(f"{kind}: other bytes in {', '.join(off) or 'some tensor'}")
    return said


def _cut(text: str, names: list[str]) -> list[str]:
    """Return the short hash of each name."""
    width = len(text) // max(1, len(names))
    return [text[i : i + width][:_SHORT] for i in range(0, len(text), width or 1)]


def record(case: Case, made: Made, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole record of one case."""
    dtypes = {n: d for n, d in made.dtypes.items() if d != case.dtype}
    return {
        "case": case_digest(case),
        "config": made.config,
        "shapes": grouped({name: list(shape) for name, shape in made.shapes.items()}),
        **({"dtypes": grouped(dtypes)} if dtypes else {}),
        **result,
    }


_PARTS = ("config", "shapes", "keys", "tensors")


def write(arch: str, versions: Mapping[str, str], records: Mapping[str, dict[str, Any]]) -> Path:
    """Write the fixture of an architecture, and return its path."""
    lines = ["{", f'"versions": {json.dumps(dict(versions))},', '"cases": {']
    for i, (name, one) in enumerate(records.items()):
        earlier = list(records.items())[:i]
        ways = [
            {"like": "", **one},
            *({"like": like, **_less(one, base)} for like, base in earlier),
        ]
        rows = [f"{json.dumps(k)}: {_json(v)}" for k, v in min(ways, key=_length).items()]
        end = "}" if i == len(records) - 1 else "},"
        lines += [f"{json.dumps(name)}: {{", ",\n".join(rows), end]
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{arch}.json"
    path.write_text("\n".join([*lines, "}}"]) + "\n", encoding="utf-8")
    return path


def _less(one: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with what it shares with `base` left out."""
    shared = [part for part in _PARTS if part in base and part in one]
    return {**one, **{part: changes(one[part], base[part]) for part in shared}}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _length(one: Mapping[str, Any]) -> int:
    return len(_json(one))


def read(path: Path) -> dict[str, Any]:
    """Return the fixture at `path`, every case whole."""
    fixture: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    cases: dict[str, Any] = fixture["cases"]
    first = next(iter(cases), "")
    for name, one in cases.items():
        like = one.pop("like", "" if name == first else first)
        base = cases.get(like, {})
        for part in _PARTS:
            if part in base and part in one:
                one[part] = applied(one[part], base[part])
    return fixture


def made(case: Case, one: Mapping[str, Any]) -> Made:
    """Return what makes the checkpoint of a record."""
    shapes = {name: tuple(shape) for name, shape in ungrouped(one["shapes"]).items()}
    dtypes = dict.fromkeys(shapes, case.dtype) | ungrouped(one.get("dtypes", {}))
    return Made(one["config"], shapes, dtypes)
