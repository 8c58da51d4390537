"""Use case: a checkpoint becomes a quantized GGUF file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from quantcli.app import outputs
from quantcli.app.next_step import (
    modelfile_path,
    next_steps,
    refuse_foreign_modelfile,
    write_modelfile,
)
from quantcli.app.overrides import Metadata, from_file
from quantcli.app.plan import DEFAULT_EFFORT, Imatrix, fit_plan, load_plan, plan_opened
from quantcli.app.record import to_json
from quantcli.checkpoint import open_checkpoint
from quantcli.checkpoint.naming import model_name as name_of
from quantcli.container.reader import parse
from quantcli.errors import KEYWORDS, UsageError
from quantcli.evaluate.comparison import Workers
from quantcli.execute.chunks import CHUNK_WEIGHTS
from quantcli.execute.cores import available_cores
from quantcli.execute.execute import Options, Outcome, Progress, execute
from quantcli.execute.partial import refuse_sources, refuse_special
from quantcli.importance import Importance, MatrixSource, read_imatrix
from quantcli.planning.plan import Plan
from quantcli.planning.summary import Summary
from quantcli.recipe import resolve

_VOCABULARY = "vocab"
"""Stands for the type in the name of a file without tensors, as llama.cpp's converter has it."""
_VOCABULARY_PRESET = "F16"
"""The type that such a file names, which has no influence."""


@dataclass(frozen=True, slots=True, repr=False)
class Conversion(Summary):
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
        modelfile: path of the Ollama Modelfile, or None without one.
        next_steps: commands of llama.cpp that run the file.
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
    modelfile: str | None
    next_steps: tuple[str, ...]

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield what one line says of the conversion."""
        yield "output", self.output
        yield "skipped", self.skipped
        yield "preset", self.preset
        yield "size", self.size
        yield "bits_per_weight", round(self.bits_per_weight, 3)
        yield "fallbacks", self.fallbacks
        yield "notes", len(self.notes)

    def to_json(self) -> str:
        """Return the fields as one JSON object."""
        return to_json(self)


def convert(
    model: str | Path,
    preset: str | None = None,
    output: str | Path | None = None,
    *,
    plan: Plan | str | Path | None = None,
    jobs: int | None = None,
    engine: str | None = None,
    effort: str | None = None,
    arch: str | None = None,
    pre_tokenizer: str | None = None,
    model_name: str | None = None,
    metadata: Metadata | None = None,
    imatrix: Imatrix | None = None,
    imatrix_include: Sequence[str] = (),
    imatrix_exclude: Sequence[str] = (),
    vocab_only: bool = False,
    modelfile: bool = False,
    force: bool = False,
    skip_existing: bool | Literal["verify"] = False,
    follow_links: bool = False,
    strict: bool = False,
    allow_nonfinite: bool = False,
    chunk_weights: int = CHUNK_WEIGHTS,
    progress: Progress | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Conversion:
    """Convert the checkpoint `model` to a GGUF file of type `preset`.

    A run that was interrupted is taken up where it stopped. The result depends on the checkpoint,
    what the model is called, the options that a plan takes, and quantcli's version only.

    Args:
        model: folder of a Hugging Face checkpoint, or a .safetensors file beside its config.json.
        preset: as in `plan`; None with a ready `plan`, or with `vocab_only`.
        output: path of the file, or a folder (as a text that ends with a slash, one to be made);
            default `NAME-PRESET.gguf` in the current folder. `{name}` and `{type}` are filled in.
            With `vocab_only` the type is "vocab".
        plan: a plan made before, or the path of a saved one; executed as it is.
        jobs: worker processes; default the cores available.
        engine: where else to work: "dask://HOST:PORT" or the path of a scheduler file.
        effort: as in `plan`.
        arch: as in `plan`.
        pre_tokenizer: as in `plan`.
        model_name: as in `plan`.
        metadata: as in `plan`.
        imatrix: as in `plan`; with a ready `plan` the files that it was made with.
        imatrix_include: as in `plan`.
        imatrix_exclude: as in `plan`.
        follow_links: as in `plan`.
        strict: as in `plan`.
        vocab_only: write metadata and vocabulary without tensors, for llama.cpp's tools that only
            tokenize.
        modelfile: also write an Ollama Modelfile beside the output.
        force: replace an existing output.
        skip_existing: leave an existing output alone when it is up to date: its header is what
            would be written, and no source file is newer. "verify" looks at no times but encodes
            again and compares every byte. What is not up to date is replaced only when quantcli
            made it.
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
    chosen = _chosen(effort, arch, pre_tokenizer, model_name, metadata, vocab_only=vocab_only)
    if vocab_only and plan is None:
        preset = preset or _VOCABULARY_PRESET
    _refuse_contradictions(preset, plan, chosen)
    if force and skip_existing:
        raise UsageError("--force and --skip-existing contradict each other")
    saved = None if plan is None else plan if isinstance(plan, Plan) else load_plan(plan)
    kind = _VOCABULARY if vocab_only else resolve(str(preset)).name if saved is None else None
    path = _output(output, Path(model), kind, saved, model_name)
    if modelfile:
        refuse_foreign_modelfile(modelfile_path(path), force=force)
    importance = _importance(imatrix, imatrix_include, imatrix_exclude, saved)
    matrix = None if importance is None else MatrixSource.of(importance)
    checkpoint = open_checkpoint(Path(model), follow_links=follow_links)
    if saved is None:
        chosen |= {"effort": effort or DEFAULT_EFFORT, "vocab_only": vocab_only}
        chosen |= {"importance": importance, "strict": strict}
        ready = plan_opened(checkpoint, str(preset), **chosen)
    else:
        ready = saved
        fit_plan(ready, checkpoint, importance, strict=strict)
    workers = Workers(jobs if jobs is not None else available_cores(), engine)
    root = checkpoint.root
    unwanted = functools.partial(
        outputs.keep_or_replace, path, ready, root, workers, matrix, force=force, skip=skip_existing
    )
    options = Options(
        jobs=workers.jobs,
        engine=workers.engine,
        matrix=matrix,
        allow_nonfinite=allow_nonfinite,
        chunk_weights=chunk_weights,
        progress=progress,
        tell=on_note,
        unwanted=unwanted,
    )
    outcome = _carry_out(ready, root, path, options, on_plan)
    beside = str(write_modelfile(ready, path)) if modelfile else None
    return _conversion(path, ready, outcome, beside)


def _carry_out(
    plan: Plan,
    root: Path,
    path: Path,
    options: Options,
    on_plan: Callable[[Plan], None] | None,
) -> Outcome:
    """Write the output unless what is there stays."""
    if options.unwanted is not None and options.unwanted():
        return Outcome(skipped=True)
    if on_plan is not None:
        on_plan(plan)
    return execute(plan, root, path, options)


def _output(
    given: str | Path | None,
    model: Path,
    kind: str | None,
    saved: Plan | None,
    model_name: str | None,
) -> Path:
    """Return where the output goes; what must not be replaced is refused before anything is read.

    Args:
        given: as the user gave it.
        model: the checkpoint.
        kind: what stands for `{type}`; None for a saved plan's preset.
        saved: a saved plan.
        model_name: as the user gave it.

    Raises:
        OutputError: something is there that is no regular file, or it is one of the model's own.
    """
    said = model_name if saved is None else _name_in(saved)
    name = kind if saved is None else saved.preset
    path = outputs.output_path(given, name=said or name_of(model), preset=str(name))
    refuse_special(path)
    refuse_sources(path, model)
    return path


def _importance(
    paths: Imatrix | None, include: Sequence[str], exclude: Sequence[str], saved: Plan | None
) -> Importance | None:
    """Return the importance matrix; a saved plan says itself which of its data count."""
    if paths is None:
        return None
    if saved is not None and saved.matrix is not None:
        include, exclude = saved.matrix.include, saved.matrix.exclude
    return read_imatrix(paths, include=include, exclude=exclude)


def _chosen(
    effort: str | None,
    arch: str | None,
    pre_tokenizer: str | None,
    model_name: str | None,
    metadata: Metadata | None,
    *,
    vocab_only: bool,
) -> dict[str, Any]:
    """Return the options that make a plan and contradict a ready one."""
    return {
        "effort": effort,
        "arch": arch,
        "pre_tokenizer": pre_tokenizer,
        "model_name": model_name,
        "metadata": metadata or None,
        "vocab_only": vocab_only or None,
    }


def _refuse_contradictions(preset: str | None, plan: object, ignored: Mapping[str, object]) -> None:
    """Raise UsageError unless a preset or a plan says what to do, and nothing else besides a plan.

    Args:
        preset: as given.
        plan: as given.
        ignored: what a plan has decided already, by keyword; None where it is not given.
    """
    if plan is None and preset is None:
        raise UsageError("nothing says which type to take", hint="Use --type TYPE.")
    decided = {"preset": preset, **ignored}
    given = [keyword for keyword, value in decided.items() if value is not None]
    if plan is not None and given:
        options = " and ".join(KEYWORDS[keyword] for keyword in given)
        raise UsageError(
            f"the plan has decided already what {options} would",
            hint="Give them when the plan is made, and only the plan here.",
        )


def _name_in(plan: Plan) -> str | None:
    """Return what a plan calls the model where that was set by hand."""
    return from_file(parse(plan.header, plan.size, "the plan").entries)[0]


def _conversion(path: Path, plan: Plan, outcome: Outcome, beside: str | None) -> Conversion:
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
        modelfile=beside,
        next_steps=next_steps(plan, path),
    )
