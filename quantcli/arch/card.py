"""The model card's front matter, read so that nothing in it can fail a conversion.

What can be understood is kept in the form that package gguf expects; the rest is left out and told.
A card is YAML between two lines of three hyphens at the top of README.md.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from quantcli.errors import InputError, enumerated
from quantcli.inputs import open_input

CARD = "README.md"
_FENCE = b"---"
# Front matter is a few hundred bytes; an unclosed one must not make YAML out of a whole book.
_LONGEST = 1 << 20

# Fields by what they hold; others are not used.
_TEXTS = (
    *("name", "author", "version", "organization", "description", "finetune", "basename"),
    *("size_label", "url", "doi", "uuid", "repo_url"),
    *("model_name", "model_author", "model_version", "model_organization", "model_description"),
    *("model_finetune", "model_basename", "model_size_label", "model_url", "model_doi"),
    *("model_uuid", "model_repo_url", "model_creator", "model_type"),
    *("license_name", "license_link"),
)
_LISTS = ("license", "tags", "pipeline_tag", "languages", "language")
_ORIGINS = (
    "base_model",
    "base_models",
    "base_model_sources",
    "datasets",
    "dataset",
    "dataset_sources",
)
_FREE_TEXTS = ("description", "model_description", "license_link")
# What package gguf takes of an origin that is given as a map.
_ORIGIN_FIELDS = (
    "name",
    "author",
    "version",
    "organization",
    "description",
    "url",
    "doi",
    "uuid",
    "repo_url",
)
_URL = re.compile(r"(?:https?|ssh)://\S+")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
# Names of folders of training runs, which read like `organization/name` and are not.
_LOCAL_FOLDERS = frozenset(
    (
        *(
            "checkpoint",
            "checkpoints",
            "ckpt",
            "data",
            "experiments",
            "home",
            "mnt",
            "model",
            "models",
        ),
        *(
            "out",
            "output",
            "outputs",
            "results",
            "root",
            "runs",
            "saved_models",
            "tmp",
            "workspace",
        ),
    )
)
_STEP = re.compile(r"(?:checkpoint|epoch|step|global_step)[-_]?\d+")


@dataclass(frozen=True, slots=True)
class Card:
    """A model card.

    Attributes:
        fields: what is understood: texts as str, lists as lists of str, origins as lists of str or
            maps of str.
        notes: one line on what is not, or nothing.
    """

    fields: dict[str, Any]
    notes: tuple[str, ...] = ()


class _Unreadable(Exception):
    """The front matter cannot be read at all; the message says why and at which line."""


def read_card(root: Path) -> Card:
    """Return the model card in `root`; never raises for what a card says."""
    try:
        data = _read(root / CARD)
        text = _front_matter(data)
        fields, lines = _parse(text) if text else ({}, {})
    except _Unreadable as error:
        return Card({}, (f"{CARD} is left aside: {error}",))
    kept: dict[str, Any] = {}
    dropped = []
    for name, clean in _cleaners():
        if name in fields:
            value, left_out = clean(name, fields[name])
            if value:
                kept[name] = value
            dropped += [f"{name} {shown} (line {lines.get(name, 1)})" for shown in left_out]
    notes = []
    if dropped:
        notes.append(f"{CARD}: left out as not understood: {enumerated(dropped)}")
    if (line := _undecodable(data)) is not None:
        notes.append(f"{CARD}: line {line} is not UTF-8; only the front matter is read")
    return Card(kept, tuple(notes))


def is_local_path(text: str) -> bool:
    """Return whether `text`, where a model's or data set's id belongs, is a path of some machine.

    An id is `name` or `organization/name`; a path shows itself by where it begins, by its depth, or
    by the folder names of training runs.
    """
    if _URL.fullmatch(text):
        return False
    parts = text.split("/")
    return (
        not text.strip("/. ")
        or text.startswith(("/", "./", "../", "~"))
        or text.endswith("/")
        or "\\" in text
        or _DRIVE.match(text) is not None
        or len(parts) > 2
        or (len(parts) == 2 and parts[0].lower() in _LOCAL_FOLDERS)
        or _STEP.fullmatch(parts[-1]) is not None
    )


def _read(path: Path) -> bytes:
    """Return the beginning of the card, b"" when there is none."""
    if not path.exists() and not path.is_symlink():
        return b""
    try:
        with open_input(path) as file:
            data = file.read(_LONGEST)
    except InputError as error:
        raise _Unreadable(error.message) from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _Unreadable("it is UTF-16, not UTF-8")
    return data.removeprefix(codecs.BOM_UTF8)


def _undecodable(data: bytes) -> int | None:
    """Return the number of the first line that is not UTF-8, or None."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(data)  # what is cut off at the end is no fault
    except UnicodeDecodeError as error:
        return len(data[: error.start].splitlines()) or 1
    return None


def _front_matter(data: bytes) -> str:
    """Return the text between the fences, "" when there is no front matter."""
    lines = data.splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        return ""
    end = next((i for i, line in enumerate(lines) if i and line.rstrip() == _FENCE), None)
    if end is None and len(data) == _LONGEST:
        raise _Unreadable(f"its front matter has no end within {_LONGEST} bytes")
    text = []
    for number, line in enumerate(lines[1:end], start=2):
        try:
            text.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            raise _Unreadable(f"line {number} is not UTF-8") from None
    # Tabs and an unquoted Norway are common and plain in meaning; the reference's reader mends them
    # alike.
    joined = "\n".join(text) + "\n"
    return joined.replace("- no\n", '- "no"\n').replace("\t", "  ")


def _parse(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the fields, and field → line of the file."""
    import yaml

    try:
        value = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 2}: " if mark is not None else ""
        raise _Unreadable(f"{line}{error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise _Unreadable(f"its front matter is not YAML: {str(error).splitlines()[0]}") from None
    if value is None:
        return {}, {}
    if not isinstance(value, dict) or not isinstance(node, yaml.MappingNode):
        raise _Unreadable(f"line 2: its front matter is a {type(value).__name__}, not a map")
    lines = {str(key.value): key.start_mark.line + 2 for key, _ in node.value}
    return {str(key): item for key, item in value.items()}, lines


Cleaned = tuple[Any, list[str]]


def _cleaners() -> Iterator[tuple[str, Callable[[str, Any], Cleaned]]]:
    yield from ((name, _clean_text) for name in _TEXTS)
    yield from ((name, _clean_list) for name in _LISTS)
    yield from ((name, _clean_origins) for name in _ORIGINS)


def _clean_text(name: str, value: Any) -> Cleaned:
    text = _scalar(value)
    if text is None:
        return None, [] if _is_blank(value) else [_shown(value)]
    refused = _TEMPLATE.search(text) or (name not in _FREE_TEXTS and _is_path_of_a_machine(text))
    return (None, [repr(text)]) if refused else (text, [])


def _is_path_of_a_machine(text: str) -> bool:
    return text.startswith(("/", "./", "../", "~/")) or _DRIVE.match(text) is not None


def _clean_list(name: str, value: Any) -> Cleaned:
    kept, dropped = [], []
    for item in value if isinstance(value, list) else [value]:
        # YAML reads Norwegian's code as a truth value.
        text = "no" if item is False and name.startswith("language") else _scalar(item)
        if text is not None and not _TEMPLATE.search(text):
            kept.append(text)
        elif not _is_blank(item):
            dropped.append(_shown(item))
    return kept, dropped


def _clean_origins(name: str, value: Any) -> Cleaned:
    kept: list[Any] = []
    dropped = []
    for item in value if isinstance(value, list) else [value]:
        origin = _origin_map(item) if isinstance(item, dict) else _origin_id(item)
        if origin:
            kept.append(origin)
        elif not _is_blank(item):
            dropped.append(_shown(item))
    return kept, dropped


def _origin_id(item: Any) -> str | None:
    if not isinstance(item, str):
        return None
    text = _scalar(item)
    if text is None or _TEMPLATE.search(text) or is_local_path(text):
        return None
    return text.rstrip("/") if _URL.fullmatch(text) else text


def _origin_map(item: dict[Any, Any]) -> dict[str, str]:
    found = {key: _clean_text(key, item.get(key))[0] for key in _ORIGIN_FIELDS}
    return {key: text for key, text in found.items() if text}


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _scalar(value: Any) -> str | None:
    """Return a text, number, truth value or date as text, or None when there is no text in it."""
    if not isinstance(value, str | int | float | bool | date):
        return None
    try:
        text = str(value).strip()
        text.encode("utf-8")
    except ValueError:  # half a surrogate pair, or a number of thousands of digits
        return None
    return text if text and "\0" not in text else None


def _shown(value: Any) -> str:
    # Otherwise the kind only: nested aliases of YAML can make a short card a huge text.
    is_plain = (
        value is None
        or isinstance(value, str | float | bool | date)
        or (isinstance(value, int) and abs(value) < 2**64)
    )
    return repr(value)[:80] if is_plain else f"(a {type(value).__name__})"
