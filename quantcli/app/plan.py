"""Use case: what a conversion would do, without reading tensor data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from quantcli._version import __version__
from quantcli.app import overrides
from quantcli.app.overrides import Metadata
from quantcli.arch import Model, expand
from quantcli.arch.general import general_entries
from quantcli.checkpoint import Checkpoint, open_checkpoint
from quantcli.checkpoint.fingerprint import source_digest
from quantcli.codec import EFFORTS
from quantcli.errors import ArchitectureError, PlanError, QuantcliError, UsageError, listed
from quantcli.execute.chunks import mostly_moves
from quantcli.importance import Importance, read_imatrix
from quantcli.inputs import PLAN_LIMIT, read_text
from quantcli.planning.build import Identity, build
from quantcli.planning.plan import Plan
from quantcli.planning.saved import check_coverage, check_fit, read_plan
from quantcli.recipe import Recipe, resolve
from quantcli.tokenizer import export

DEFAULT_EFFORT = "normal"

Imatrix = str | Path | Iterable[str | Path]
"""Files of an importance matrix: one path or several."""

# Measured with bench/convert_memory.py: the process that plans and reports, and what one worker
# holds besides its chunk (interpreter, numpy, tables).
_PARENT_BYTES = 64 << 20
_WORKER_BYTES = 40 << 20
# A worker's buffers for one chunk in units of the chunk's float32 size: source rows, transformed
# rows, encoded rows and the encoder's temporaries.
_CHUNK_COPIES = 6
# The same of a thread that only moves rows.
_MOVED_COPIES = 2


def plan(
    model: str | Path,
    preset: str,
    *,
    effort: str = DEFAULT_EFFORT,
    arch: str | None = None,
    pre_tokenizer: str | None = None,
    model_name: str | None = None,
    metadata: Metadata | None = None,
    imatrix: Imatrix | None = None,
    imatrix_include: Sequence[str] = (),
    imatrix_exclude: Sequence[str] = (),
    follow_links: bool = False,
    strict: bool = False,
) -> Plan:
    """Return what converting `model` to `preset` would do; no tensor data is read.

    Args:
        model: folder of a Hugging Face checkpoint, or a .safetensors file beside config.json.
        preset: name of a preset in any case, or an alias ("Q4_K_M", "q8_0", "INT4").
        effort: how hard the encoders search: "fast", "normal" or "best".
        arch: GGUF name of the architecture to convert it as, whatever class config.json names.
        pre_tokenizer: llama.cpp's name of the pre-tokenizer, where it is not recognised.
        model_name: what the model is called; general.name, and what is derived from it. By default
            what its card says, else the folder's name (in the Hub's cache, the repository's).
        metadata: further general.* keys or keys of your own, and their values: texts, read as on
            the command line ("5", "uint32:5"), or Python values of the key's type.
        imatrix: importance matrix as llama-imatrix writes it, or several that are merged: it
            weights the errors that the encoders minimise, and types of about two bits need it.
        imatrix_include: regular expressions; when given, only data of tensors whose name has one.
        imatrix_exclude: regular expressions of tensors whose data are left aside.
        follow_links: let links lead out of the model's folder.
        strict: refuse fallbacks to other types and any note.

    Raises:
        UsageError: unknown preset or effort, or metadata that cannot be set.
        InputError: the checkpoint cannot be converted; everything wrong of one kind is listed.
        QuantcliError: `strict` and the plan has fallbacks or notes.
    """
    importance = None
    if imatrix is not None:
        importance = read_imatrix(imatrix, include=imatrix_include, exclude=imatrix_exclude)
    _recipe(preset, effort)  # what is wrong with the options is said before anything is read
    return plan_opened(
        open_checkpoint(Path(model), follow_links=follow_links),
        preset,
        effort=effort,
        arch=arch,
        pre_tokenizer=pre_tokenizer,
        model_name=model_name,
        metadata=metadata,
        importance=importance,
        strict=strict,
    )


def plan_opened(
    checkpoint: Checkpoint,
    preset: str,
    *,
    effort: str = DEFAULT_EFFORT,
    arch: str | None = None,
    pre_tokenizer: str | None = None,
    model_name: str | None = None,
    metadata: Metadata | None = None,
    importance: Importance | None = None,
    assumes_importance: bool = False,
    vocab_only: bool = False,
    strict: bool = False,
) -> Plan:
    """Return what `plan` returns, of a checkpoint from `open_checkpoint`; raises the same.

    `importance` is the matrix itself. `assumes_importance` chooses the types as with a matrix
    without having it: to compare with a file that was made with one.
    With `vocab_only` the plan has the metadata and no tensors.
    """
    recipe = _recipe(preset, effort)
    expanded = _expand(checkpoint, arch)
    tokenizer = export(
        checkpoint.root,
        expanded.vocab,
        rows=expanded.vocab_rows,
        config=checkpoint.config,
        pre=pre_tokenizer,
    )
    named = None if model_name is None else overrides.check_name(model_name)
    described, general_notes = general_entries(checkpoint.root, expanded, name=named)
    general = overrides.apply(
        described,
        metadata or {},
        arch=expanded.traits.arch,
        named=named is not None,
    )
    small = {name: (checkpoint.root / name).stat().st_size for name in tokenizer.files}
    files = {**small, **checkpoint.files}
    result = build(
        replace(expanded, specs=()) if vocab_only else expanded,
        general=general,
        tokenizer=tokenizer,
        recipe=recipe,
        refs=checkpoint.refs,
        files=files,
        identity=Identity(
            __version__,
            source_digest(checkpoint.root, files),
            effort,
            assumes_importance,
        ),
        importance=importance,
    )
    notes = (*checkpoint.notes, *result.notes, *general_notes)
    result = replace(result, notes=notes)
    if strict:
        refuse_compromises(result)
    return result


def _recipe(preset: str, effort: str) -> Recipe:
    """Return the preset's recipe, of which there must be the effort.

    Raises:
        UsageError: unknown preset or effort.
    """
    if effort not in EFFORTS:
        raise UsageError(f"unknown effort {effort!r}; known: {', '.join(EFFORTS)}")
    return resolve(preset)


def _expand(checkpoint: Checkpoint, arch: str | None = None) -> Model:
    """Return the expanded model; what was decided about the files may explain what is missing."""
    try:
        return expand(checkpoint.config, checkpoint.refs, checkpoint.root, arch)
    except ArchitectureError as error:
        hint = "\n".join(text for text in (error.hint, *checkpoint.notes) if text)
        raise ArchitectureError(error.message, where=error.where, hint=hint or None) from error


def load_plan(path: str | Path) -> Plan:
    """Return the plan saved in the file at `path` (`Plan.to_json`).

    Raises:
        PlanError: not readable, not a plan, or one that contradicts itself.
    """
    text = read_text(Path(path), limit=PLAN_LIMIT, error=PlanError)
    try:
        return read_plan(text)
    except PlanError as error:
        raise PlanError(error.message, where=str(path), hint=error.hint) from error


def fit_plan(
    plan: Plan,
    checkpoint: Checkpoint,
    importance: Importance | None = None,
    *,
    strict: bool = False,
) -> None:
    """Check that `plan` is one for `checkpoint`; a plan decides types and metadata, no more.

    Args:
        plan: the plan.
        checkpoint: what it is to be carried out on.
        importance: the importance matrix that it is to be carried out with.
        strict: refuse fallbacks to other types and any note.

    Raises:
        PlanError: it was made from another checkpoint or by another version, or it reads or does
            anything that the checkpoint's architecture does not say.
        InputError: the checkpoint cannot be converted.
        QuantcliError: `strict` and the plan has fallbacks or notes.
    """
    assumed = plan.architecture if plan.assumed else None
    expanded = expand(checkpoint.config, checkpoint.refs, checkpoint.root, assumed)
    try:
        digest = source_digest(checkpoint.root, (file.path for file in plan.files))
    except OSError as error:
        raise PlanError(
            f"the plan needs this file: {error.strerror}",
            where=str(error.filename),
            hint="Name the folder that the plan was made from.",
        ) from error
    check_fit(plan, expanded, checkpoint.refs, digest)
    check_coverage(plan, importance)
    if strict:
        refuse_compromises(plan)


def refuse_compromises(plan: Plan) -> None:
    """Raise QuantcliError, all listed, when `plan` has fallbacks or notes (`--strict`)."""
    compromises = len(plan.fallbacks) + len(plan.notes)
    if compromises:
        problems = [*fallback_reasons(plan), *plan.notes]
        raise QuantcliError(
            listed(f"--strict refuses {compromises} compromises:", problems),
            hint="Choose another type, or go on without --strict.",
        )


def fallback_reasons(plan: Plan) -> list[str]:
    """Return a sentence for every reason why tensors take another type than the preset's."""
    types: dict[str, Counter[str]] = {}
    for step in plan.fallbacks:
        types.setdefault(str(step.fallback), Counter())[step.type] += 1
    return [
        f"{reason}, so {_tensors(found.total())} {' or '.join(sorted(found))}, "
        "as with llama-quantize"
        for reason, found in types.items()
    ]


def _tensors(count: int) -> str:
    return "1 tensor takes" if count == 1 else f"{count} tensors take"


def expected_memory(plan: Plan, jobs: int, chunk_weights: int) -> int:
    """Return the expected peak memory of executing `plan`, in bytes, mapped input aside."""
    longest_row = max((step.columns for step in plan.steps), default=0)
    rows = 4 * max(chunk_weights, longest_row)
    chunk = _CHUNK_COPIES * rows
    if mostly_moves(plan):
        workers = jobs * _MOVED_COPIES * rows
    else:
        workers = chunk if jobs == 1 else jobs * (_WORKER_BYTES + chunk)
    return _PARENT_BYTES + 2 * len(plan.header) + workers
