"""Which files of a folder hold the model's weights: what transformers 5 would load from it.

A whole model.safetensors comes before an index, an index names the shards, and every tensor of a
file that is read counts, whether the index names it or not. Where transformers finds nothing, an
unambiguous choice is made and noted: one complete set of numbered files, or the only file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from quantcli.checkpoint.consolidated import FILES, PARAMS, config_name
from quantcli.checkpoint.json_file import read_json
from quantcli.errors import CheckpointError, ConfigError, listed
from quantcli.inputs import VOCABULARY_LIMIT

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
SUFFIX = ".safetensors"
# Field of config.json that names the file or the index to load.
_EXPLICIT = "transformers_weights"
# Files of other contents or another naming of the tensors that lie beside a model's weights.
ADAPTERS = (
    "adapter_model*.safetensors",
    "*adapters.safetensors",
    "pytorch_lora_weights.safetensors",
)
OTHER_FORMATS = (FILES,)
_CONSOLIDATED_INDEX = "consolidated.safetensors.index.json"
_NUMBERED = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")


@dataclass(frozen=True, slots=True)
class Shard:
    """What the name of a numbered file says: "model-00002-of-00005.safetensors"."""

    stem: str
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The files that hold a model's weights.

    Attributes:
        files: paths relative to the folder, in the order in which they are read.
        index: the index that named them, or None.
        weight_map: tensor name → file, as that index says; empty without one.
        notes: what was decided.
    """

    files: tuple[str, ...]
    index: str | None = None
    weight_map: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()


def shard(file: str) -> Shard | None:
    """Return what `file`'s name says of its place in a numbered set, or None."""
    match = _NUMBERED.fullmatch(file)
    return Shard(match["stem"], int(match["number"]), int(match["count"])) if match else None


def select(root: Path, config: Mapping[str, Any]) -> Selection | None:
    """Return the files of weights in the folder `root`, or None when it has none.

    Args:
        root: the model's folder.
        config: config.json, which may name the file.

    Raises:
        ConfigError: the index that counts cannot be read, or has no weight_map.
        CheckpointError: the index leads outside the folder or names files that are not there, a
            numbered set is incomplete, or several files could be the model.
    """
    explicit = config.get(_EXPLICIT)
    if isinstance(explicit, str):
        return _explicit(root, explicit)
    if (root / WHOLE).is_file():
        return Selection((WHOLE,), notes=_left_aside(root))
    if (root / INDEX).exists():
        return _indexed(root, INDEX)
    if config_name(root) == PARAMS:
        return _consolidated(root)
    return _by_name(root)


def _consolidated(root: Path) -> Selection | None:
    """Return the files of Mistral's own format: those of its index, or the only one."""
    note = f"there is no config.json: {PARAMS} and {FILES} are read, Mistral's own format"
    if (root / _CONSOLIDATED_INDEX).exists():
        found: Selection | None = _indexed(root, _CONSOLIDATED_INDEX)
    else:
        found = _one_of(root, [file for file in _stored(root) if fnmatchcase(file, FILES)])
    return found and replace(found, notes=(note, *found.notes))


def _explicit(root: Path, file: str) -> Selection:
    where = str(root / "config.json")
    if not _is_inside(file.removesuffix(".index.json")):
        raise CheckpointError(f"{_EXPLICIT} is {file!r}, not a file in the folder", where=where)
    if not (root / file).is_file():
        raise CheckpointError(f"{_EXPLICIT} names {file!r}, which is not there", where=where)
    if file.endswith(".index.json"):
        return _indexed(root, file)
    return Selection((file,), notes=(f"config.json names {file} as the file of weights",))


def _left_aside(root: Path) -> tuple[str, ...]:
    """Return notes on what else looks like weights beside a whole model.safetensors."""
    shards = [
        file
        for file in _stored(root)
        if (place := shard(file)) is not None and place.stem == WHOLE.removesuffix(SUFFIX)
    ]
    others = [*([INDEX] if (root / INDEX).exists() else []), *_abridged(shards)]
    notes = []
    if others:
        notes.append(
            f"{WHOLE} is read alone, as transformers does; left aside: " + ", ".join(others)
        )
    if adapters := [file for file in _stored(root) if _matches(file, ADAPTERS)]:
        notes.append(f"an adapter lies beside the model and is not merged: {', '.join(adapters)}")
    return tuple(notes)


def _abridged(files: Sequence[str]) -> tuple[str, ...]:
    return tuple(files) if len(files) <= 3 else (files[0], "…", files[-1])


def _indexed(root: Path, index: str) -> Selection:
    weight_map = _weight_map(root, index)
    files = sorted({str(PurePosixPath(file)) for file in set(weight_map.values())})
    if missing := [_absence(root, file) for file in files if not (root / file).is_file()]:
        raise CheckpointError(
            listed(f"names {len(missing)} of {len(files)} files that are not there:", missing),
            where=str(root / index),
            hint="The download is incomplete: fetch the missing files.",
        )
    return Selection(tuple(files), index, weight_map)


def _absence(root: Path, file: str) -> str:
    return f"{file} (a link to nothing)" if (root / file).is_symlink() else file


def _weight_map(root: Path, file: str) -> dict[str, str]:
    """Return tensor name → shard from the index `file`."""
    index = read_json(root, file, limit=VOCABULARY_LIMIT)
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise ConfigError(
            "has no weight_map",
            where=str(root / file),
            hint="The index is not one of a safetensors checkpoint: download it again.",
        )
    # Few files for many tensors: each is looked at once. What is no text cannot be in a set.
    texts = {shard for shard in weight_map.values() if isinstance(shard, str)}
    others = {repr(shard) for shard in weight_map.values() if not isinstance(shard, str)}
    outside = sorted({repr(shard) for shard in texts if not _is_inside(shard)} | others)
    if outside:
        raise CheckpointError(
            listed("names files outside the model's folder:", outside),
            where=str(root / file),
            hint="Such an index is broken or hostile; nothing was read from there.",
        )
    return weight_map


def _is_inside(file: str) -> bool:
    if "\\" in file or "\0" in file:
        return False
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and path.suffix == SUFFIX


def _stored(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob(f"*{SUFFIX}") if path.is_file())


def _matches(file: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(file, pattern) for pattern in patterns)


def _by_name(root: Path) -> Selection | None:
    """Choose without an index: what is named like a model first, then whatever is alone."""
    return _one_of(
        root, [file for file in _stored(root) if not _matches(file, (*ADAPTERS, *OTHER_FORMATS))]
    )


def _one_of(root: Path, stored: list[str]) -> Selection | None:
    """Choose among the files `stored`: one complete set of numbered ones, or the only one."""
    groups: dict[tuple[str, int], list[str]] = {}
    for file in stored:
        place = shard(file)
        key = (place.stem, place.count) if place is not None else (file, 0)
        groups.setdefault(key, []).append(file)
    named = {key: files for key, files in groups.items() if key[0] == WHOLE.removesuffix(SUFFIX)}
    choices = named or groups
    if not choices:
        return None
    if len(choices) > 1:
        raise CheckpointError(
            listed("several files could be the model:", stored),
            where=str(root),
            hint="Give the path of the .safetensors file itself, or move the others away.",
        )
    ((_, count), files) = next(iter(choices.items()))
    if not count:
        return Selection(tuple(files), notes=(f"{files[0]} is the only file of weights: read",))
    _require_complete(root, count, files)
    return Selection(
        tuple(files), notes=(f"there is no {INDEX}: all {len(files)} numbered files are read",)
    )


def _require_complete(root: Path, count: int, files: Sequence[str]) -> None:
    """Raise CheckpointError unless the numbered `files` are 1 to `count`, or 0 to `count` - 1."""
    places = [place for file in files if (place := shard(file)) is not None]
    numbers = {place.number for place in places}
    start = 0 if 0 in numbers else 1
    absent = sorted(set(range(start, start + count)) - numbers)
    if not absent:
        return
    raise CheckpointError(
        listed(
            f"has {len(files)} of {count} shards of the model ({', '.join(_abridged(files))}); "
            "these are missing:",
            (f"{places[0].stem}-{number:05d}-of-{count:05d}{SUFFIX}" for number in absent),
        ),
        where=str(root),
        hint="The download is incomplete: fetch the missing files and the index.",
    )
