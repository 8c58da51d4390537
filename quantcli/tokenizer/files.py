"""The tokenizer's files beside a checkpoint: read once, checked, and remembered by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quantcli.errors import TokenizerError
from quantcli.inputs import TEXT_LIMIT, VOCABULARY_LIMIT, parse_json, read_text

TOKENIZER = "tokenizer.json"
SETTINGS = "tokenizer_config.json"
SPECIAL_MAP = "special_tokens_map.json"
ADDED = "added_tokens.json"
GENERATION = "generation_config.json"
SHOWN_EXAMPLES = 4
"""Examples that one note shows."""


class Files:
    """Reads files of one folder, each at most once, and keeps the names of those it read.

    Args:
        root: the model's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._notes: dict[str, dict[str, None]] = {}
        self._texts: dict[str, str | None] = {}
        self._objects: dict[str, dict[str, Any] | None] = {}
        self._read: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files read so far, relative to the folder, in the order of reading."""
        return tuple(self._read)

    def where(self, file: str) -> str:
        """Return the full path of `file`, as errors give it."""
        return str(self.root / file)

    def note(self, text: str, example: str | None = None) -> None:
        """Keep a decision worth telling the user, once; with examples, one note for all of them.

        Args:
            text: the decision.
            example: one of the things that it concerns. The note says how many there are, and the
                first of them.
        """
        examples = self._notes.setdefault(text, {})
        if example is not None:
            examples[example] = None

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes, in the order in which their first cause was found."""
        return tuple(_note(text, list(examples)) for text, examples in self._notes.items())

    def path(self, file: str) -> Path | None:
        """Return the path of `file` and count it as read, or None when there is no such file."""
        path = self.root / file
        if not path.is_file():
            return None
        self._read[file] = None
        return path

    def text(self, file: str) -> str | None:
        """Return the text of `file`, or None when there is no such file.

        Raises:
            TokenizerError: the file cannot be read or is not UTF-8.
        """
        if file not in self._texts:
            path = self.path(file)
            limit = TEXT_LIMIT if file.endswith(".jinja") else VOCABULARY_LIMIT
            self._texts[file] = (
                None if path is None else read_text(path, limit=limit, error=TokenizerError)
            )
        return self._texts[file]

    def object(self, file: str) -> dict[str, Any] | None:
        """Return the JSON object in `file`, or None when there is no such file.

        Raises:
            TokenizerError: the file cannot be read, is not JSON or not an object.
        """
        if file not in self._objects:
            text = self.text(file)
            self._objects[file] = None if text is None else self._parse(file, text)
            self._texts[file] = None  # tens of megabytes for a large vocabulary
        return self._objects[file]

    def _parse(self, file: str, text: str) -> dict[str, Any]:
        value = parse_json(
            text,
            self.where(file),
            error=TokenizerError,
            hint="The file is damaged: download it again.",
        )
        if not isinstance(value, dict):
            raise TokenizerError("not a JSON object", where=self.where(file))
        return value

    @property
    def tokenizer(self) -> dict[str, Any] | None:
        """tokenizer.json, or None."""
        return self.object(TOKENIZER)

    @property
    def settings(self) -> dict[str, Any]:
        """tokenizer_config.json, empty when missing."""
        return self.object(SETTINGS) or {}

    def model(self) -> dict[str, Any]:
        """Return the `model` object of tokenizer.json, empty when the file is missing.

        Raises:
            TokenizerError: the file has no such object.
        """
        tokenizer = self.tokenizer
        if tokenizer is None:
            return {}
        model = tokenizer.get("model")
        if not isinstance(model, dict):
            raise TokenizerError('has no "model" object', where=self.where(TOKENIZER))
        return model

    def setting(self, name: str) -> bool | None:
        """Return a switch of tokenizer_config.json, None when it is not there or null.

        Raises:
            TokenizerError: it is something other than true or false.
        """
        value = self.settings.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise self.malformed(f"{name} is {value!r}, neither true nor false", SETTINGS)

    def malformed(self, what: str, file: str = TOKENIZER) -> TokenizerError:
        """Return the error for a part of `file` that is not as the format has it."""
        return TokenizerError(
            what, where=self.where(file), hint="Save the tokenizer again with a current library."
        )


def _note(text: str, examples: list[str]) -> str:
    if not examples:
        return text
    shown = "; ".join(examples[:SHOWN_EXAMPLES])
    if len(examples) == 1:
        return f"{text}: {shown}"
    more = f"; and {len(examples) - SHOWN_EXAMPLES} more" if len(examples) > SHOWN_EXAMPLES else ""
    return f"{text} ({len(examples)}): {shown}{more}"


def steps(part: object, key: str) -> list[Mapping[str, Any]]:
    """Return the steps of a normalizer, pre_tokenizer, decoder or post_processor of tokenizer.json.

    Args:
        part: the part's value: null, one step, or a "Sequence" of steps, nested at will.
        key: name of the list inside a Sequence ("normalizers", "pretokenizers", "processors", …).
    """
    if not isinstance(part, Mapping):
        return []
    if part.get("type") == "Sequence":
        inner = part.get(key)
        return (
            [step for item in inner for step in steps(item, key)] if isinstance(inner, list) else []
        )
    return [part]
