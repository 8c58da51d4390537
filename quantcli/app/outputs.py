"""The one rule for what outputs are called, and what may be replaced."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from quantcli.container.reader import GgufFile
from quantcli.errors import ContainerError, OutputError, UsageError
from quantcli.evaluate.comparison import Workers
from quantcli.evaluate.contents import holds
from quantcli.importance import MatrixSource
from quantcli.planning.plan import Plan

_PATTERN = "{name}-{type}.gguf"
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
# What a file's name must not hold on one system or another.
_UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]+')
_MADE_BY = "quantcli.version"
_MADE_OF = "quantcli.source.digest"


def default_name(name: str, preset: str) -> str:
    """Return what the file of the model `name` in the type `preset` is called: NAME-TYPE.gguf."""
    return _filled(_PATTERN, {"name": name, "type": preset})


def output_path(given: str | os.PathLike[str] | None, *, name: str, preset: str) -> Path:
    """Return where the output goes.

    Args:
        given: None for the default name in the current folder; a folder, or a path that ends with a
            slash, for the default name in it; else the path of the file, in which `{name}` and
            `{type}` stand for the model's name and the preset (`{{` and `}}` for braces).
        name: what the model is called.
        preset: canonical name of the preset.

    Raises:
        UsageError: the output is a stream, or has an unknown field in braces.
        OutputError: there cannot be such a path.
    """
    if given is None:
        return Path(default_name(name, preset))
    text = os.fspath(given)
    if text == "-":
        raise UsageError(
            "the output cannot be a stream: tensors are written where they belong as they are "
            "ready, so that a run can be taken up again",
            hint="Give a file: --output FILE",
        )
    filled = _filled(text, {"name": name, "type": preset})
    is_folder = filled.endswith(("/", os.sep)) or (_exists(Path(filled)) and Path(filled).is_dir())
    return Path(filled) / default_name(name, preset) if is_folder else Path(filled)


def _exists(path: Path) -> bool:
    """Return whether there is something at `path`.

    Raises:
        OutputError: the system cannot even look: the name is too long, a folder is closed.
    """
    try:
        return path.exists()
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}", where=str(path), hint="Use another --output."
        ) from error


def _filled(pattern: str, values: Mapping[str, str]) -> str:
    """Return `pattern` with its fields replaced, what no file name can hold by a hyphen."""

    def fill(found: re.Match[str]) -> str:
        if found[0] in {"{{", "}}"}:
            return found[0][0]
        if found[1] not in values:
            known = " and ".join(f"{{{field}}}" for field in values)
            raise UsageError(
                f"the output {pattern!r} has {found[0]!r}; known are {known}",
                hint="Write {{ and }} for braces that belong to the name.",
            )
        return _UNSAFE.sub("-", values[found[1]])

    return _FIELD.sub(fill, pattern)


def keep_or_replace(
    path: Path,
    plan: Plan,
    root: Path,
    workers: Workers,
    matrix: MatrixSource | None = None,
    *,
    force: bool,
    skip: bool | str,
) -> bool:
    """Return whether the output is there and up to date, so that there is nothing to do.

    Without `force` nothing is replaced that quantcli did not make from a checkpoint.

    Args:
        path: the output.
        plan: what it should hold.
        root: folder of the checkpoint.
        workers: who compares contents.
        matrix: where the plan's importance matrix lies.
        force: replace whatever is there.
        skip: keep an output that is up to date, replace one that quantcli made and that is not;
            "verify" compares contents, not times.

    Raises:
        OutputError: the output exists and is to be kept.
    """
    if force or not _exists(path):
        return False
    if not skip:
        raise OutputError(
            "exists already",
            where=str(path),
            hint="Use --force to replace it, or --skip-existing to keep it if up to date.",
        )
    if skip == "verify":
        current = holds(path, plan, root, workers, matrix)
    else:
        current = is_current(path, plan, root)
    if current:
        return True
    if not _is_own(path):
        raise OutputError(
            "exists already and was not made by quantcli, so it is left alone",
            where=str(path),
            hint="Use --force to replace it, or another --output FILE.",
        )
    return False


def is_current(output: Path, plan: Plan, root: Path) -> bool:
    """Return whether `output` is what executing `plan` now would write.

    The header holds every type, offset and key, the source's digest and quantcli's version among
    them, so equal header and size mean an equal plan; a source file newer than the output means
    that weights may have changed under the same header.
    """
    status = output.stat()
    if status.st_size != plan.size:
        return False
    with output.open("rb") as file:
        if file.read(len(plan.header)) != plan.header:
            return False
    return all((root / file.path).stat().st_mtime_ns <= status.st_mtime_ns for file in plan.files)


def _is_own(path: Path) -> bool:
    """Return whether the file says that quantcli made it from a checkpoint, and is not damaged."""
    try:
        file = GgufFile(path)
    except ContainerError:
        return False
    return all(isinstance(file.value(key), str) for key in (_MADE_BY, _MADE_OF))
