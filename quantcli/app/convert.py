"""Use case: a checkpoint becomes a quantized GGUF file."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from quantcli.app.plan import DEFAULT_EFFORT, refuse_compromises
from quantcli.app.plan import plan as make_plan
from quantcli.checkpoint import open_checkpoint
from quantcli.errors import OutputError, UsageError
from quantcli.evaluate.comparison import Workers
from quantcli.evaluate.contents import holds
from quantcli.execute.chunks import CHUNK_WEIGHTS
from quantcli.execute.cores import available_cores
from quantcli.execute.execute import Options, Outcome, Progress, execute
from quantcli.execute.partial import refuse_sources, refuse_special
from quantcli.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion did.

    Attributes:
        output: path of the file.
        skipped: the file was there and up to date.
        preset, architecture: of the plan.
        plan_digest: SHA-256 of the plan.
        size: bytes of the file.
        weights: number of weights.
        bits_per_weight: over all tensors.
        fallbacks: tensors whose type is not the preset's choice.
        resumed: weights taken over from an interrupted run.
        nonfinite: weights that were NaN or infinite.
        notes: decisions worth telling.
    """

    output: str
    skipped: bool
    preset: str
    architecture: str
    plan_digest: str
    size: int
    weights: int
    bits_per_weight: float
    fallbacks: int
    resumed: int
    nonfinite: int
    notes: tuple[str, ...]

    def to_json(self) -> str:
        """Return the fields as one JSON object."""
        return json.dumps(asdict(self), sort_keys=True)


def convert(
    model: str | Path,
    preset: str | None = None,
    output: str | Path | None = None,
    *,
    plan: Plan | None = None,
    jobs: int | None = None,
    engine: str | None = None,
    effort: str = DEFAULT_EFFORT,
    pre_tokenizer: str | None = None,
    force: bool = False,
    skip_existing: bool | Literal["verify"] = False,
    strict: bool = False,
    allow_nonfinite: bool = False,
    chunk_weights: int = CHUNK_WEIGHTS,
    progress: Progress | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Conversion:
    """Convert the checkpoint `model` to a GGUF file of type `preset`.

    A run that was interrupted is taken up where it stopped. The result depends on the checkpoint,
    the preset, the effort and quantcli's version only.

    Args:
        model: folder of a Hugging Face checkpoint, or a .safetensors file beside its config.json.
        preset: as in `plan`; None with a ready `plan`.
        output: path of the file; default `FOLDER-PRESET.gguf` in the current folder.
        plan: a plan made before, executed as it is.
        jobs: worker processes; default the cores available.
        engine: where else to work: "dask://HOST:PORT" or the path of a scheduler file.
        effort: as in `plan`.
        pre_tokenizer: as in `plan`.
        strict: as in `plan`.
        force: replace an existing output.
        skip_existing: leave an existing output alone when it is up to date: its header is what
            would be written, and no source file is newer. "verify" looks at no times but encodes
            again and compares every byte.
        allow_nonfinite: go on with NaN (becomes 0) and infinite weights (the row's largest finite).
        chunk_weights: weights in a unit of work; no influence on the result.
        progress: called with (weights done, weights in all).
        on_plan: called with the plan before the first byte is written.
        on_note: called with sentences worth showing at once, such as what is waited for.

    Raises:
        UsageError: options that contradict each other.
        InputError: bad input; nothing is left behind.
        OutputError: the output exists, or cannot be written.
        Interrupted: stopped by the user; the same call goes on.
    """
    if (plan is None) == (preset is None):
        raise UsageError("give either a type or a plan")
    if force and skip_existing:
        raise UsageError("--force and --skip-existing contradict each other")
    if output is not None:
        refuse_special(Path(output))
        refuse_sources(Path(output), Path(model))
    root = open_checkpoint(Path(model)).root
    if plan is None:
        plan = make_plan(
            model, str(preset), effort=effort, pre_tokenizer=pre_tokenizer, strict=strict
        )
    elif strict:
        refuse_compromises(plan)
    path = Path(output) if output is not None else default_output(root, plan)
    workers = Workers(jobs if jobs is not None else available_cores(), engine)

    unwanted = functools.partial(_stays, path, plan, root, workers, force=force, skip=skip_existing)
    if unwanted():
        return _conversion(path, plan, Outcome(skipped=True))
    if on_plan is not None:
        on_plan(plan)
    options = Options(
        jobs=workers.jobs,
        engine=workers.engine,
        allow_nonfinite=allow_nonfinite,
        chunk_weights=chunk_weights,
        progress=progress,
        tell=on_note,
        unwanted=unwanted,
    )
    return _conversion(path, plan, execute(plan, root, path, options))


def _stays(
    path: Path, plan: Plan, root: Path, workers: Workers, *, force: bool, skip: bool | str
) -> bool:
    """Return whether an output that is there shall stay as it is.

    Raises:
        OutputError: it is there, and neither to be replaced nor to be kept.
    """
    if force or not path.exists():
        return False
    if not skip:
        raise OutputError(
            "exists already",
            where=str(path),
            hint="Use --force to replace it, or --skip-existing to keep it if up to date.",
        )
    if skip == "verify":
        return holds(path, plan, root, workers)
    return is_current(path, plan, root)


def default_output(root: Path, plan: Plan) -> Path:
    """Return `FOLDER-PRESET.gguf`, to be written into the current folder."""
    return Path(f"{root.resolve().name}-{plan.preset}.gguf")


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


def _conversion(path: Path, plan: Plan, outcome: Outcome) -> Conversion:
    return Conversion(
        output=str(path),
        skipped=outcome.skipped,
        preset=plan.preset,
        architecture=plan.architecture,
        plan_digest=plan.digest(),
        size=plan.size,
        weights=plan.weights,
        bits_per_weight=plan.bits_per_weight,
        fallbacks=len(plan.fallbacks),
        resumed=outcome.resumed,
        nonfinite=outcome.nonfinite,
        notes=(*plan.notes, *outcome.notes),
    )
