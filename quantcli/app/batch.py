"""Use case: every checkpoint in a folder becomes files of several types."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from quantcli import recipe
from quantcli.app import outputs
from quantcli.app.convert import Conversion, convert
from quantcli.app.record import FORMAT
from quantcli.checkpoint.naming import model_name
from quantcli.errors import CheckpointError, Interrupted, QuantcliError, UsageError, listed
from quantcli.execute.execute import Progress
from quantcli.planning.summary import Summary

_CONFIG = "config.json"
# The Hub's cache: models--ORG--NAME/refs/main names the folder in models--ORG--NAME/snapshots.
_CACHED = "models--*"
CONVERTED, CURRENT, FAILED = "converted", "up to date", "failed"


@dataclass(frozen=True, slots=True)
class Task:
    """One file of a batch: a checkpoint's folder, the preset and the output."""

    model: Path
    preset: str
    output: Path


@dataclass(frozen=True, slots=True)
class BatchItem:
    """What became of one task.

    Attributes:
        model: folder of the checkpoint.
        preset: canonical name of the preset.
        output: path of the file.
        state: "converted", "up to date" or "failed".
        conversion: what the conversion did; None when it failed.
        error: why it failed, or None.
    """

    model: str
    preset: str
    output: str
    state: str
    conversion: Conversion | None
    error: QuantcliError | None


@dataclass(frozen=True, slots=True, repr=False)
class Batch(Summary):
    """Outcome of `batch`: every model in every type, in the order they were made."""

    items: tuple[BatchItem, ...]

    @property
    def failed(self) -> tuple[BatchItem, ...]:
        """The items that failed."""
        return tuple(item for item in self.items if item.error is not None)

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield how many there are of each state."""
        states = Counter(item.state for item in self.items)
        for state in (CONVERTED, CURRENT, FAILED):
            yield state.replace(" ", "_"), states[state]

    def to_json(self) -> str:
        """Return the items as one JSON object."""
        items = [
            {
                "model": item.model,
                "preset": item.preset,
                "output": item.output,
                "state": item.state,
                "conversion": None if item.conversion is None else asdict(item.conversion),
                "error": None if item.error is None else item.error.as_record(),
            }
            for item in self.items
        ]
        return json.dumps({"format": FORMAT, "items": items}, sort_keys=True)


def batch(
    folder: str | Path,
    presets: Sequence[str],
    out: str | Path = ".",
    *,
    jobs: int | None = None,
    effort: str | None = None,
    follow_links: bool = False,
    strict: bool = False,
    allow_nonfinite: bool = False,
    on_item: Callable[[BatchItem], None] | None = None,
) -> Batch:
    """Convert every checkpoint in `folder` to every preset, and go on after a failure.

    Outputs are named as by `convert`. Those that are up to date are left alone, as is what quantcli
    did not make; an interrupted run goes on where it stopped.

    Args:
        folder: holds folders of checkpoints, or is the Hub's cache.
        presets: names of presets in any case, or aliases.
        out: folder of the outputs, made if need be.
        jobs: as in `convert`.
        effort: as in `convert`.
        follow_links: as in `convert`.
        strict: as in `convert`.
        allow_nonfinite: as in `convert`.
        on_item: called after every file.

    Raises:
        UsageError: unknown presets, or two outputs that would be one file.
        CheckpointError: there is no checkpoint.
        Interrupted: stopped by the user; the same call goes on.
    """
    items = []
    for task in tasks(folder, presets, out):
        item = carry_out(
            task,
            jobs=jobs,
            effort=effort,
            follow_links=follow_links,
            strict=strict,
            allow_nonfinite=allow_nonfinite,
        )
        items.append(item)
        if on_item is not None:
            on_item(item)
    return Batch(tuple(items))


def tasks(folder: str | Path, presets: Sequence[str], out: str | Path) -> tuple[Task, ...]:
    """Return what `batch` makes, by model and preset.

    Raises:
        UsageError, CheckpointError: as of `batch`.
    """
    names = list(dict.fromkeys(recipe.resolve(preset).name for preset in presets))
    models = _models(Path(folder))
    if not models:
        raise CheckpointError(
            f"holds no folder with a {_CONFIG}",
            where=str(folder),
            hint="Give the folder that the models' folders lie in.",
        )
    found = [
        Task(model, preset, Path(out) / outputs.default_name(model_name(model), preset))
        for model in models
        for preset in names
    ]
    sources: dict[Path, list[Path]] = {}
    for task in found:
        sources.setdefault(task.output, []).append(task.model)
    doubled = [
        f"{output.name}: {' and '.join(str(model) for model in made_of)}"
        for output, made_of in sources.items()
        if len(made_of) > 1
    ]
    if doubled:
        raise UsageError(
            listed("several models would be one file:", doubled),
            hint="Rename a folder, or convert these one by one.",
        )
    return tuple(found)


def carry_out(
    task: Task,
    *,
    jobs: int | None = None,
    effort: str | None = None,
    follow_links: bool = False,
    strict: bool = False,
    allow_nonfinite: bool = False,
    progress: Progress | None = None,
) -> BatchItem:
    """Make one file of a batch and return what became of it.

    Raises:
        Interrupted: stopped by the user.
    """
    what = (str(task.model), task.preset, str(task.output))
    try:
        done = convert(
            task.model,
            task.preset,
            # Braces in a folder's name are its own.
            str(task.output).replace("{", "{{").replace("}", "}}"),
            jobs=jobs,
            effort=effort,
            follow_links=follow_links,
            strict=strict,
            allow_nonfinite=allow_nonfinite,
            skip_existing=True,
            progress=progress,
        )
    except Interrupted:
        raise
    except QuantcliError as error:
        return BatchItem(*what, FAILED, None, error)
    return BatchItem(*what, CURRENT if done.skipped else CONVERTED, done, None)


def _models(folder: Path) -> list[Path]:
    """Return the checkpoints directly in `folder`, by name, and those of the Hub's cache."""
    found = [path.parent for path in folder.glob(f"*/{_CONFIG}")]
    for repository in folder.glob(_CACHED):
        reference = repository / "refs" / "main"
        if reference.is_file():
            snapshot = reference.read_text(encoding="utf-8", errors="replace").strip()
            found.append(repository / "snapshots" / Path(snapshot).name)
    return sorted(path for path in found if (path / _CONFIG).is_file())
