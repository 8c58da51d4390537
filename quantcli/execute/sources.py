"""The state of the source files: what must not change while they are converted."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

from quantcli.errors import CheckpointError, OutputError, PlanError, listed
from quantcli.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class SourceState:
    """A file as the file system describes it; the times are nanoseconds.

    The time of change (`ctime_ns`) cannot be set back, as that of modification can.
    """

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    def record(self) -> list[str | int]:
        """Return the fields for a journal's heading."""
        return list(astuple(self))


def observe(plan: Plan, root: Path) -> tuple[SourceState, ...]:
    """Return the state of the files that `plan` was made from, which must be as planned.

    Raises:
        PlanError: one is gone, or of another size.
    """
    states = []
    for file in plan.files:
        try:
            state = _state(root, file.path)
        except OSError as error:
            raise PlanError(
                f"the plan needs this file: {error.strerror}",
                where=str(root / file.path),
                hint="Name the folder that the plan was made from.",
            ) from error
        if state.size != file.size:
            raise PlanError(
                f"is {state.size} bytes long, the plan was made from one of {file.size}",
                where=str(root / file.path),
                hint="Make the plan again.",
            )
        states.append(state)
    return tuple(states)


def refuse_as_output(states: tuple[SourceState, ...], output: Path) -> None:
    """Raise OutputError when `output` is one of the files, under whatever name."""
    try:
        status = output.stat()
    except OSError:
        return
    for state in states:
        if (state.device, state.inode) == (status.st_dev, status.st_ino):
            raise OutputError(
                f"is {state.path} of the model itself",
                where=str(output),
                hint="Use another --output.",
            )


def refuse_changes(before: tuple[SourceState, ...], root: Path) -> None:
    """Raise CheckpointError for every file that is not what it was `before`."""
    changed = []
    for state in before:
        try:
            now = _state(root, state.path)
        except OSError as error:
            changed.append(f"{state.path}: {error.strerror}")
            continue
        if now != state:
            names = [
                name for name in SourceState.__slots__ if getattr(now, name) != getattr(state, name)
            ]
            changed.append(f"{state.path}: {', '.join(_NAMES[name] for name in names)}")
    if changed:
        raise CheckpointError(
            listed("files of the model changed while they were converted:", changed),
            where=str(root),
            hint="What was made of them is thrown away. Start again once they are at rest.",
        )


_NAMES = {
    "device": "another device",
    "inode": "another file of that name",
    "size": "another size",
    "mtime_ns": "another time of modification",
    "ctime_ns": "another time of change",
}


def _state(root: Path, path: str) -> SourceState:
    found = (root / path).stat()
    return SourceState(
        path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )
