"""Use case: what a conversion would do, without reading tensor data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from quantcli._version import __version__
from quantcli.arch import expand
from quantcli.arch.general import general_entries
from quantcli.checkpoint import open_checkpoint
from quantcli.checkpoint.fingerprint import source_digest
from quantcli.codec import EFFORTS
from quantcli.errors import PlanError, QuantcliError, UsageError
from quantcli.planning.build import Identity, build
from quantcli.planning.plan import Plan
from quantcli.recipe import resolve
from quantcli.tokenizer import export

DEFAULT_EFFORT = "normal"

# Measured with bench/convert_memory.py: the process that plans and reports, and what one worker
# holds besides its chunk (interpreter, numpy, tables).
_PARENT_BYTES = 90 << 20
_WORKER_BYTES = 60 << 20
# A worker's buffers for one chunk in units of the chunk's float32 size: source rows, transformed
# rows, encoded rows and the encoder's temporaries.
_CHUNK_COPIES = 6


def plan(
    model: str | Path,
    preset: str,
    *,
    effort: str = DEFAULT_EFFORT,
    pre_tokenizer: str | None = None,
    strict: bool = False,
) -> Plan:
    """Return what converting `model` to `preset` would do; no tensor data is read.

    Args:
        model: folder of a Hugging Face checkpoint, or a .safetensors file beside config.json.
        preset: name of a preset in any case, or an alias ("Q4_K_M", "q8_0", "INT4").
        effort: how hard the encoders search: "fast", "normal" or "best".
        pre_tokenizer: llama.cpp's name of the pre-tokenizer, where it is not recognised.
        strict: refuse fallbacks to other types and any note.

    Raises:
        UsageError: unknown preset or effort.
        InputError: the checkpoint cannot be converted; everything wrong of one kind is listed.
        QuantcliError: `strict` and the plan has fallbacks or notes.
    """
    if effort not in EFFORTS:
        raise UsageError(f"unknown effort {effort!r}; known: {', '.join(EFFORTS)}")
    recipe = resolve(preset)
    checkpoint = open_checkpoint(Path(model))
    expanded = expand(checkpoint.config, checkpoint.refs, checkpoint.root)
    tokenizer = export(
        checkpoint.root,
        expanded.vocab,
        rows=expanded.vocab_rows,
        config=checkpoint.config,
        pre=pre_tokenizer,
    )
    general, general_notes = general_entries(checkpoint.root, expanded)
    small = {name: (checkpoint.root / name).stat().st_size for name in tokenizer.files}
    files = {**small, **checkpoint.files}
    result = build(
        expanded,
        general=general,
        tokenizer=tokenizer,
        recipe=recipe,
        refs=checkpoint.refs,
        files=files,
        identity=Identity(__version__, source_digest(checkpoint.root, files), effort),
    )
    notes = (*checkpoint.notes, *result.notes, *general_notes)
    result = replace(result, notes=notes)
    if strict:
        refuse_compromises(result)
    return result


def load_plan(path: str | Path) -> Plan:
    """Return the plan saved in the file at `path` (`Plan.to_json`).

    Raises:
        PlanError: not readable or not a plan.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot be read: {error}", where=str(path)) from error
    try:
        return Plan.from_json(text)
    except PlanError as error:
        raise PlanError(error.message, where=str(path), hint=error.hint) from error


def refuse_compromises(plan: Plan) -> None:
    """Raise QuantcliError, all listed, when `plan` has fallbacks or notes (`--strict`)."""
    problems = [f"{step.name}: {step.fallback}" for step in plan.fallbacks] + list(plan.notes)
    if problems:
        raise QuantcliError(
            f"--strict refuses {len(problems)} compromises:\n  " + "\n  ".join(problems),
            hint="Choose another type, or go on without --strict.",
        )


def expected_memory(plan: Plan, jobs: int, chunk_weights: int) -> int:
    """Return the expected peak memory of executing `plan`, in bytes, mapped input aside."""
    longest_row = max((step.columns for step in plan.steps), default=0)
    chunk = _CHUNK_COPIES * 4 * max(chunk_weights, longest_row)
    workers = chunk if jobs == 1 else jobs * (_WORKER_BYTES + chunk)
    return _PARENT_BYTES + 2 * len(plan.header) + workers
