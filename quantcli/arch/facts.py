"""What an architecture table may ask about a model: its config fields, its files, its tensors."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from quantcli.checkpoint.json_file import read_json
from quantcli.checkpoint.paths import is_inside
from quantcli.checkpoint.reader import TensorReader
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import ConfigError

# Names under which multimodal configs nest the text model's fields.
_NESTED = ("text_config", "llm_config", "lm_config", "language_config", "thinker_config", "lfm")
_THETA = (
    "global_rope_theta",
    "rope_global_theta",
    "rope_theta_global",
    "rope_theta",
    "rotary_emb_base",
)
_ROTARY_PART = ("partial_rotary_factor", "rotary_pct", "rope_pct", "rope_percent")
_LOCAL_THETA = (
    "local_rope_theta",
    "rope_local_theta",
    "rope_theta_local",
    "swa_rope_theta",
    "rope_local_base_freq",
)


class MissingFieldError(ConfigError):
    """A config field that a table needs is not there; `expand` collects these."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(f"needs a field {' or '.join(fields)}")
        self.fields = fields


_ABSENT = object()
# Elements of a tensor whose values become metadata.
_FEW = 4096
T = TypeVar("T")
_SCALING = ("rope_scaling", "rope_parameters")


@dataclass(frozen=True)
class Facts:
    """A model's facts, at one layer or (layer None) as a whole.

    Every field that is asked for is remembered, so that what nobody asked for can be reported.

    Attributes:
        config: config.json, the text model's fields merged over it.
        root: the model's folder.
        tensors: canonical names of the checkpoint's tensors, and their shapes.
        hf: the Hugging Face class ("LlamaForCausalLM").
        layer: number of the layer the question is about.
        defaults: fields that the model's class fills in when the config lacks them under every
            spelling.
        refs: the checkpoint's tensors by canonical name, for `numbers`.
        asked: fields that were asked for; those inside rope_scaling as "rope_scaling.factor".
    """

    config: Mapping[str, Any]
    root: Path
    tensors: Mapping[str, tuple[int, ...]]
    hf: str
    layer: int | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    refs: Mapping[str, TensorRef] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set, compare=False)

    def at(self, layer: int) -> Facts:
        """Return the same facts asked about one layer."""
        return replace(self, layer=layer)

    def watched(self, question: Callable[[Facts], T]) -> tuple[T, tuple[str, ...]]:
        """Return what `question` gives for these facts, and the fields that it asked for.

        Of rotary parameters only those inside the object are named, not the object itself.
        """
        watched = replace(self, asked=set())
        answer = question(watched)
        self.asked.update(watched.asked)
        return answer, tuple(sorted(watched.asked - {*_SCALING}))

    def get(self, *fields: str) -> Any:
        """Return the first of `fields` that is present, null included, or None when none is.

        What the config says under any spelling comes before what the class fills in. Other
        spellings among `fields` count as asked for only where they say the same. A dot leads into
        an object: "attn_config.alibi".
        """
        for source in (self.config, self.defaults):
            for name in fields:
                if (value := _within(source, name)) is not _ABSENT:
                    same = (f for f in fields if _within(self.config, f) == value)
                    self.asked.update({name, *same})
                    return value
        return None

    def says(self, name: str) -> bool:
        """Tell whether the config or the class gives the field `name`, be it null."""
        return any(_within(each, name) is not _ABSENT for each in (self.config, self.defaults))

    def integer(self, *fields: str) -> int:
        """Return the first of `fields` that is present, which must be a natural number.

        Raises:
            MissingFieldError: none is present, or it is null.
            ConfigError: it is something else.
        """
        value = self.get(*fields)
        if value is None:
            raise MissingFieldError(fields)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigError(f"{' or '.join(fields)} is {value!r}, not a natural number")
        return value

    def number(self, *fields: str, default: float | None = None) -> float:
        """Return the first of `fields` that is present, which must be a finite number.

        `default` is returned where none is present, or it is null.

        Raises:
            MissingFieldError: none is present, or it is null.
            ConfigError: it is something else.
        """
        value = self.get(*fields)
        if value is None and default is not None:
            return default
        if value is None:
            raise MissingFieldError(fields)
        if not is_number(value):
            raise ConfigError(f"{' or '.join(fields)} is {value!r}, not a finite number")
        return float(value)

    def has(self, name: str) -> bool:
        """Tell whether the checkpoint has a tensor of this canonical name, {n} being the layer."""
        return name.replace("{n}", str(self.layer)) in self.tensors

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return the shape of the tensor of this canonical name, {n} being the layer, or None."""
        return self.tensors.get(name.replace("{n}", str(self.layer)))

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the values of a small tensor, for a table that writes them as metadata.

        Args:
            name: canonical name, {n} being the layer; () is returned when there is none.

        Raises:
            ConfigError: it has more than 4096 elements.
            CheckpointError: it cannot be read.
        """
        ref = self.refs.get(name.replace("{n}", str(self.layer)))
        if ref is None:
            return ()
        if ref.rows * ref.columns > _FEW:
            raise ConfigError(f"tensor {ref.name!r} has {ref.rows * ref.columns} elements")
        reader = TensorReader(self.root)
        try:
            return tuple(float(value) for value in reader.rows(ref, 0, ref.rows).ravel())
        finally:
            reader.close()

    def json(self, file: str) -> Any:
        """Return the JSON value of a file beside config.json, or None when there is no such file.

        Raises:
            ConfigError: the path leaves the folder, or the file is not readable JSON.
        """
        if not is_inside(file):
            raise ConfigError(
                f"names a path outside the model's folder: {file[:80]!r}", where=str(self.root)
            )
        # os.path says no where a part of the path is too long; pathlib raises.
        return read_json(self.root, file) if os.path.isfile(self.root / file) else None  # noqa: PTH113 - pathlib raises

    def rope(self, *fields: str) -> Any:
        """Return the first of the rotary parameters `fields` of the global layers, or None.

        They are looked for wherever a config may have put them.

        Raises:
            ConfigError: what holds them is no object.
        """
        both = self._rope_parameters
        full = both.get("full_attention", both)
        if not isinstance(full, dict):
            return None
        for name in fields:
            if name in full:
                value = full[name]
                same = {f"{s}.{name}" for s in _SCALING if self._says(s, name, value)}
                self.asked.update(same)
                return value
        return None

    def _says(self, holder: str, name: str, value: Any) -> bool:
        """Tell whether the object `holder` of the config says the same of `name`."""
        said = self.config.get(holder)
        return isinstance(said, dict) and said.get(name, _ABSENT) == value

    def rope_number(self, *fields: str) -> int | float | None:
        """Return the first rotary parameter that is present among `fields`, or None.

        Raises:
            ConfigError: it is not a number.
        """
        value = self.rope(*fields)
        if value is not None and not is_number(value):
            raise ConfigError(f"rotary parameter {fields[0]} is {value!r}, not a finite number")
        return value

    @cached_property
    def rope_local(self) -> Mapping[str, Any]:
        """Rotary parameters of the layers with a sliding window, where they have their own."""
        local = self._rope_parameters.get("sliding_attention")
        return local if isinstance(local, dict) else {}

    @property
    def rope_local_theta(self) -> Any:
        """Base of the sliding-window layers' rotary embeddings, or None."""
        return self.rope_local.get("rope_theta")

    @property
    def rope_scaling_name(self) -> str:
        """Return the name of the object that holds the rotary parameters.

        As in transformers, the older name wins where both say something.
        """
        return _SCALING[0] if self.config.get(_SCALING[0]) else _SCALING[1]

    @cached_property
    def _rope_parameters(self) -> dict[str, Any]:
        given = self.get(self.rope_scaling_name) or {}
        if not isinstance(given, dict):
            raise ConfigError(f"rope_scaling is {given!r}, not an object")
        parameters = dict(given)
        layered = {"full_attention", "sliding_attention"} & parameters.keys()
        if layered:
            self.asked.update(f"{self.rope_scaling_name}.{name}" for name in layered)
            bases = {"full_attention": _THETA, "sliding_attention": _LOCAL_THETA}
            for name, fields in bases.items():
                own, base = parameters.get(name) or {}, self.get(*fields)
                if isinstance(own, dict) and base is not None:
                    parameters[name] = {"rope_theta": base, **own}
            return parameters
        if (original := self.get("original_max_position_embeddings")) is not None:
            parameters["original_max_position_embeddings"] = original
        if (
            "type" in parameters
            and parameters.setdefault("rope_type", given["type"]) == given["type"]
        ):
            self.asked.add(f"{self.rope_scaling_name}.type")
        moved = {
            "rope_theta": self.get(*_THETA),
            "partial_rotary_factor": self.get(*_ROTARY_PART),
        }
        for name, value in moved.items():
            if value is not None:
                parameters.setdefault(name, value)
        if (theta := self.get(*_LOCAL_THETA)) is not None:
            parameters["sliding_attention"] = {"rope_theta": theta}
        return parameters


def _within(fields: Mapping[str, Any], name: str) -> Any:
    """Return the field `name`, a dot in it leading into an object, or _ABSENT."""
    if name in fields or "." not in name:
        return fields.get(name, _ABSENT)
    outer, _, inner = name.partition(".")
    found = fields.get(outer)
    return _within(found, inner) if isinstance(found, dict) else _ABSENT


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether `value` is a number that a float32 can hold without becoming infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 2**127


def text_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with a nested text model's fields merged over the top level's.

    The output layer is tied where either says so, as in transformers.
    """
    for name in _NESTED:
        if isinstance(nested := config.get(name), dict):
            outer = {key: value for key, value in config.items() if key != name}
            tied = {key: True for key in ("tie_word_embeddings",) if outer.get(key) is True}
            return {**outer, **text_config(nested), **tied}
    return dict(config)
