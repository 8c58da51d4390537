"""Meets an architecture's rows with a checkpoint's tensors; what does not meet is listed whole."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from quantcli import transform
from quantcli.arch.architecture import Architecture, Arg, Row, Stack, TensorSpec
from quantcli.arch.buffers import buffers_note, is_buffer
from quantcli.arch.facts import Facts
from quantcli.arch.grouping import grouped
from quantcli.arch.keys import LAYERS
from quantcli.arch.naming import Names
from quantcli.checkpoint.dtypes import READABLE
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import ArchitectureError, listed


class Matcher:
    """Turns rows into tensor specs, and remembers what was used, missing or did not fit.

    Args:
        facts: the model's facts.
        names: the checkpoint's names as the table speaks of them.
        refs: the checkpoint's tensors by checkpoint name.
        where: the model's folder, for errors.
    """

    def __init__(
        self, facts: Facts, names: Names, refs: Mapping[str, TensorRef], where: str
    ) -> None:
        self._facts = facts
        self._names = names.canonical
        self._common = names.common
        self._refs = refs
        self._where = where
        self._used: set[str] = set()
        self._missing: list[str] = []
        self._unfit: list[str] = []
        self.notes: tuple[str, ...] = ()

    def match(self, table: Architecture) -> tuple[TensorSpec, ...]:
        """Return the specs of all rows: the table's globals, then layer by layer.

        Raises:
            ArchitectureError: tensors missing, left over, or of a dtype or shape that does not
                fit. All are listed in one error.
            ConfigError: a field that the table asks for is missing or of the wrong kind.
        """
        specs = [self._spec(row, self._facts, "", "") for row in table.globals]
        for stack in table.layers:
            specs += self._stack(stack)
        self._finish(table)
        return tuple(spec for spec in specs if spec is not None)

    def _stack(self, stack: Stack) -> list[TensorSpec | None]:
        layers = stack.count(self._facts) if stack.count else self._facts.integer(*LAYERS)
        if layers > len(self._refs):
            said = any(name in self._facts.config for name in LAYERS)
            speaks = "speaks of" if said else f"does not say {LAYERS[0]}, its class takes"
            raise ArchitectureError(
                f"config.json {speaks} {layers} layers, "
                f"the checkpoint has only {len(self._refs)} tensors",
                where=self._where,
            )
        specs = []
        first = stack.first(self._facts) if stack.first else 0
        for layer in range(layers):
            prefix = stack.prefix.replace("{n}", str(layer))
            block = stack.block.replace("{n}", str(first + layer))
            facts = self._facts.at(first + layer)
            specs += [self._spec(row, facts, prefix, block) for row in stack.rows]
        return specs

    def _spec(self, row: Row, facts: Facts, prefix: str, block: str) -> TensorSpec | None:
        if row.when is not None and not row.when(facts):
            return None
        wanted = [prefix + name for source in row.sources for name in _each(source, row, facts)]
        absent = [name for name in wanted if name not in self._names]
        optional = row.optional(facts) if callable(row.optional) else row.optional
        if optional and len(absent) == len(wanted):
            return None
        self._used.update(wanted)
        if absent:
            self._missing += [f"{name} (for {block}{row.name})" for name in absent]
            return None
        sources = tuple(self._names[name] for name in wanted)
        args = _arguments(row, facts)
        shape = self._shape(row, facts, sources, args)
        if shape is None:
            return None
        role = row.name.rpartition(".")[0] or row.name
        return TensorSpec(block + row.name, role, facts.layer, shape, row.op, args, sources)

    def _shape(
        self, row: Row, facts: Facts, sources: tuple[str, ...], args: tuple[Arg, ...]
    ) -> tuple[int, ...] | None:
        refs = [self._refs[name] for name in sources]
        unreadable = [f"{ref.name}: dtype {ref.dtype}" for ref in refs if ref.dtype not in READABLE]
        if unreadable:
            self._unfit += unreadable
            return None
        try:
            shape = transform.get(row.op).shape(tuple(ref.shape for ref in refs), args)
            _check(shape, row, facts)
        except ValueError as error:
            self._unfit.append(f"{', '.join(sources) or row.name}: {error}")
            return None
        return shape

    def _finish(self, table: Architecture) -> None:
        """Report everything that did not meet; note what was dropped on purpose."""
        rest = [name for name in self._names if name not in self._used]
        patterns = _patterns(table, self._facts)
        dropped = [name for name in rest if any(fnmatchcase(name, p) for p in patterns)]
        others = [self._refs[self._names[name]] for name in rest if name not in set(dropped)]
        buffers = [ref for ref in others if is_buffer(ref)]
        left = [ref.name for ref in others if not is_buffer(ref)]
        kinds = (
            ("missing tensors:", self._missing),
            ("tensors the architecture has no place for:", left),
            ("tensors of a dtype or shape that does not fit:", self._unfit),
        )
        problems = [listed(title, grouped(names)) for title, names in kinds if names]
        if problems:
            first = f"the checkpoint is not a complete {table.name} model"
            if self._common:
                first += f" (all its tensors' names begin with {self._common!r})"
            raise ArchitectureError(
                "\n  ".join([first, *(line for text in problems for line in text.split("\n  "))]),
                where=self._where,
                hint=self._hint(),
            )
        self.notes = buffers_note(buffers)
        if dropped:
            names = grouped(sorted(self._names[name] for name in dropped))
            self.notes += (f"not part of the output: {', '.join(names)}",)

    def _hint(self) -> str:
        """Return what the user can do when the checkpoint and the table do not meet."""
        head = "lm_head.weight"
        if len(self._missing) == 1 and self._missing[0].startswith(head):
            return (
                "If the embedding serves as output layer, config.json must say so: "
                '"tie_word_embeddings": true. Otherwise the output layer was lost in saving.'
            )
        return "The checkpoint is incomplete, or config.json belongs to another model."


def _patterns(table: Architecture, facts: Facts) -> tuple[str, ...]:
    """Return the patterns of names that the table drops for this model."""
    given = [(each,) if isinstance(each, str) else tuple(each(facts)) for each in table.ignored]
    return tuple(pattern for patterns in given for pattern in patterns)


def _check(shape: tuple[int, ...], row: Row, facts: Facts) -> None:
    """Raise ValueError when `shape` is not what the config's numbers say."""
    if not row.shape:
        return
    # A dimension taken from a tensor that is missing is 0: that tensor's absence is reported.
    wanted = tuple(size and (size(facts) or None) for size in row.shape)
    fits = len(shape) == len(wanted) and all(
        want is None or have == want for have, want in zip(shape, wanted, strict=True)
    )
    if not fits:
        said = " x ".join("any" if want is None else str(want) for want in wanted)
        have = " x ".join(str(n) for n in shape)
        asked = [facts.watched(size)[1] for size in row.shape if size is not None]
        fields = dict.fromkeys(name for names in asked for name in names)
        reason = ", ".join(fields) or "the other tensors"
        raise ValueError(f"{row.name} is {have}, by {reason} it should be {said}")


def _arguments(row: Row, facts: Facts) -> tuple[Arg, ...]:
    """Return the transform's arguments as values."""
    if callable(row.args):
        return row.args(facts)
    return tuple(arg(facts) if callable(arg) else arg for arg in row.args)


def _each(source: str, row: Row, facts: Facts) -> list[str]:
    """Return the names a source stands for: one, or with `{i}` one per number."""
    name = source.replace("{n}", str(facts.layer))
    if row.each is None:
        return [name]
    return [name.replace("{i}", str(i)) for i in range(row.each(facts))]
