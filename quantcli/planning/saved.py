"""Saved plans, which are input from strangers: a typed schema, then bounds, then agreement.

A plan decides types and metadata. Everything else that it says must be what the format and the
checkpoint say: `read_plan` checks it alone, `check_fit` beside the checkpoint it is carried out on.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from quantcli import codec, transform
from quantcli._version import __version__
from quantcli.arch.architecture import Model
from quantcli.checkpoint.dtypes import DTYPE_BITS
from quantcli.checkpoint.paths import is_inside
from quantcli.checkpoint.source import TensorRef
from quantcli.container.reader import Contents, parse
from quantcli.container.types import aligned
from quantcli.errors import ContainerError, PlanError, UsageError, listed
from quantcli.importance import Importance
from quantcli.planning.plan import FORMAT, MatrixFile, MatrixUse, Plan, SourceFile, Step

_AGAIN = "Make the plan again."
_LARGEST = 2**63
_MOST_DIMENSIONS = 8
_MOST_ARGUMENTS = 64
# Tensors computed from the configuration alone are made whole, not in row ranges: a frequency
# factor for every pair of a head's elements is a few hundred values.
_LARGEST_COMPUTED = 1 << 16


def read_plan(text: str) -> Plan:
    """Return the plan that `Plan.to_json` wrote as `text`.

    Raises:
        PlanError: not JSON, another format, fields missing, unknown or of another type; or steps
            that do not agree with themselves, with the block formats or with the header. All
            disagreements are listed.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise PlanError(f"not a plan of quantcli: {error}", hint=_AGAIN) from error
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise PlanError(f"not a plan of quantcli with the format {FORMAT}", hint=_AGAIN)
    plan = _plan(record)
    problems = [text for step in plan.steps for text in _step_problems(step)]
    problems += _matrix_problems(plan)
    _report(problems or _file_problems(plan) or _header_problems(plan))
    return plan


def check_coverage(plan: Plan, importance: Importance | None) -> None:
    """Check that the steps use all data that the importance matrix has of them, and no others.

    Raises:
        PlanError: they do not; all are listed.
    """
    if importance is None or plan.matrix is None:
        return  # executing the plan compares the files themselves
    names = {*importance.names}
    wrong = [
        step.name
        for step in plan.steps
        if step.importance and (step.name not in names or not codec.get(step.type).weighted)
    ]
    wrong += [
        step.name
        for step in plan.steps
        if not step.importance and step.name in names and codec.get(step.type).weighted
        if importance.fits(step.name, step.matrices, step.columns)
    ]
    _report([f"tensor {name}: other importance data than the matrix has" for name in wrong])


def check_fit(plan: Plan, model: Model, refs: Mapping[str, TensorRef], digest: str) -> None:
    """Check that `plan` reads and does what this checkpoint's architecture table says.

    Args:
        plan: the plan.
        model: the checkpoint under its architecture table.
        refs: the checkpoint's tensors by name, from its files' headers.
        digest: `source_digest` of the checkpoint's files now.

    Raises:
        PlanError: the checkpoint is another one or has changed, or tensors, their sources or their
            transforms differ; all differences are listed.
    """
    said = _contents(plan).entries
    if (made := said.get("quantcli.version")) is None or made.value != __version__:
        version = "another version" if made is None else f"version {made.value}"
        raise PlanError(f"was made by {version} of quantcli, this is {__version__}", hint=_AGAIN)
    if (source := said.get("quantcli.source.digest")) is None or source.value != digest:
        raise PlanError(
            "was made from another checkpoint, or the checkpoint's files have changed since",
            hint=_AGAIN,
        )
    problems = []
    specs = {spec.name: spec for spec in model.specs}
    for step in plan.steps:
        spec = specs.pop(step.name, None)
        if spec is None:
            problems.append(f"tensor {step.name}: the model has no such tensor")
            continue
        sources = tuple(refs[name] for name in spec.sources)
        if (step.shape, step.op, step.args) != (spec.shape, spec.op, spec.args):
            problems.append(f"tensor {step.name}: shape or transform are not those of the model")
        elif step.sources != sources:
            problems.append(f"tensor {step.name}: its sources are not those of the model")
    problems += [f"tensor {name}: missing in the plan" for name in specs]
    _report(problems)


def _report(problems: Sequence[str]) -> None:
    if problems:
        raise PlanError(listed("the plan contradicts itself or the model:", problems), hint=_AGAIN)


# ------------------------------------------------------------------------------ the typed schema
def _is_natural(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _is_naturals(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MOST_DIMENSIONS
        and all(_is_natural(item) for item in value)
    )


def _is_arguments(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MOST_ARGUMENTS
        and all(_is_argument(item) for item in value)
    )


def _is_argument(value: object) -> bool:
    if type(value) is int or type(value) is float:
        return math.isfinite(value) and abs(value) < _LARGEST
    return isinstance(value, str)


_TESTS: dict[str, Callable[[object], bool]] = {
    "str": lambda value: isinstance(value, str),
    "natural": _is_natural,
    "naturals": _is_naturals,
    "arguments": _is_arguments,
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "texts": lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
}


_SCHEMA: dict[type, dict[str, str]] = {
    Plan: {
        "architecture": "str",
        "preset": "str",
        "effort": "str",
        "header": "str",
        "steps": "list",
        "size": "natural",
        "files": "list",
        "notes": "texts",
        "matrix": "object?",
    },
    Step: {
        "name": "str",
        "role": "str",
        "layer": "natural?",
        "shape": "naturals",
        "type": "str",
        "op": "str",
        "args": "arguments",
        "sources": "list",
        "offset": "natural",
        "nbytes": "natural",
        "fallback": "str?",
        "wanted": "str?",
        "importance": "bool",
    },
    TensorRef: {
        "name": "str",
        "dtype": "str",
        "shape": "naturals",
        "file": "str",
        "offset": "natural",
        "nbytes": "natural",
    },
    SourceFile: {"path": "str", "size": "natural"},
    MatrixUse: {"files": "list", "include": "texts", "exclude": "texts"},
    MatrixFile: {"name": "str", "size": "natural", "digest": "str"},
}
"""What each field is; a "?" lets it be null."""


def _record(kind: type, value: object, what: str) -> dict[str, Any]:
    """Return a copy of `value` when it is an object with the fields of `kind`, each of its type."""
    schema = _SCHEMA[kind]
    if not isinstance(value, dict) or value.keys() != schema.keys():
        raise PlanError(f"{what} is not an object with the fields {sorted(schema)}", hint=_AGAIN)
    for name, test in schema.items():
        if value[name] is None and test.endswith("?"):
            continue
        if not _TESTS[test.rstrip("?")](value[name]):
            raise PlanError(f"{what}: {name} is not as a plan has it", hint=_AGAIN)
    return dict(value)


def _plan(value: object) -> Plan:
    record = _record(Plan, value, "the plan")
    try:
        record["header"] = base64.b64decode(record["header"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise PlanError(f"the plan: header is not base64: {error}", hint=_AGAIN) from error
    record["steps"] = tuple(_step(item, f"step {n}") for n, item in enumerate(record["steps"]))
    record["files"] = tuple(
        SourceFile(**_record(SourceFile, item, "a file of the plan")) for item in record["files"]
    )
    record["notes"] = tuple(record["notes"])
    record["matrix"] = _matrix(record["matrix"])
    return Plan(**record)


def _matrix(value: object) -> MatrixUse | None:
    if value is None:
        return None
    record = _record(MatrixUse, value, "the plan's importance matrix")
    files = [_record(MatrixFile, item, "a file of its matrix") for item in record["files"]]
    return MatrixUse(
        tuple(MatrixFile(**file) for file in files),
        tuple(record["include"]),
        tuple(record["exclude"]),
    )


def _step(value: object, what: str) -> Step:
    record = _record(Step, value, what)
    record["shape"], record["args"] = tuple(record["shape"]), tuple(record["args"])
    record["sources"] = tuple(_ref(item, f"a source of {what}") for item in record["sources"])
    return Step(**record)


def _ref(value: object, what: str) -> TensorRef:
    record = _record(TensorRef, value, what)
    record["shape"] = tuple(record["shape"])
    return TensorRef(**record)


# ------------------------------------------------------------------------------------- the bounds
def _step_problems(step: Step) -> list[str]:
    """Return what one step contradicts: its type's block, its transform, its sources' sizes."""
    what = f"tensor {step.name}"
    problems = [f"{what}: {text}" for ref in step.sources for text in _ref_problems(ref)]
    if not step.shape or 0 in step.shape or math.prod(step.shape) >= _LARGEST:
        return [*problems, f"{what}: {step.shape} is not a possible shape"]
    try:
        row = codec.get(step.type).row_bytes(step.columns)
        if step.nbytes != row * step.rows:
            problems.append(f"{what}: {step.nbytes} bytes, {step.type} takes {row * step.rows}")
    except UsageError as error:
        problems.append(f"{what}: {error.message}")
    try:
        operation = transform.get(step.op)
    except KeyError:
        return [*problems, f"{what}: unknown transform {step.op!r}"]
    try:
        shape = operation.shape(tuple(ref.shape for ref in step.sources), step.args)
    except (ValueError, TypeError, IndexError, ArithmeticError) as error:
        return [*problems, f"{what}: {step.op} does not apply: {error}"]
    if shape != step.shape:
        problems.append(f"{what}: {step.op} gives {shape}, the step says {step.shape}")
    if not step.sources and step.weights > _LARGEST_COMPUTED:
        problems.append(f"{what}: {step.weights} computed values are more than any model needs")
    return problems


def _ref_problems(ref: TensorRef) -> list[str]:
    if not is_inside(ref.file):
        return [f"its source's file {ref.file!r} is not inside the model's folder"]
    if ref.dtype not in DTYPE_BITS:
        return [f"its source has the unknown dtype {ref.dtype!r}"]
    if math.prod(ref.shape) * DTYPE_BITS[ref.dtype] != 8 * ref.nbytes:
        return [f"{ref.nbytes} bytes are not {ref.dtype} {ref.shape}"]
    return []


def _file_problems(plan: Plan) -> list[str]:
    known = [file.path for file in plan.files]
    problems = [f"file {p!r} is not inside the model's folder" for p in known if not is_inside(p)]
    if len(set(known)) != len(known):
        problems.append("a file is named twice")
    sizes = {file.path: file.size for file in plan.files}
    problems += [
        f"tensor {step.name}: its source ends beyond {ref.file!r}"
        for step in plan.steps
        for ref in step.sources
        if ref.offset + ref.nbytes > sizes.get(ref.file, 0)
    ]
    return problems


def _contents(plan: Plan) -> Contents:
    try:
        return parse(plan.header, plan.size, "the plan's header")
    except ContainerError as error:
        raise PlanError(error.message, hint=_AGAIN) from error


def _matrix_problems(plan: Plan) -> list[str]:
    """Return where the steps and the importance matrix contradict each other."""
    used = [step.name for step in plan.steps if step.importance]
    if plan.matrix is None:
        return [f"tensor {name}: importance without a matrix" for name in used[:1]]
    if not plan.matrix.files:
        return ["an importance matrix without files"]
    return []


def _header_problems(plan: Plan) -> list[str]:
    """Return where the header, which is written as it is, and the steps say different things."""
    contents = _contents(plan)
    problems = []
    written = [
        (t.name, t.shape, t.type.name, t.offset, t.nbytes) for t in contents.tensors.values()
    ]
    if written != [(s.name, s.shape, s.type, s.offset, s.nbytes) for s in plan.steps]:
        problems.append("the header's tensors are not the steps")
    end = max((s.offset + s.nbytes for s in plan.steps), default=contents.data_start)
    whole = contents.data_start + aligned(end - contents.data_start, contents.alignment)
    if (len(plan.header), plan.size) != (contents.data_start, whole):
        problems.append(f"the header has {len(plan.header)} and the file {plan.size} bytes")
    said = {
        "general.architecture": plan.architecture,
        "quantcli.preset": plan.preset,
        "quantcli.effort": plan.effort,
    }
    for key, value in said.items():
        entry = contents.entries.get(key)
        if entry is None or entry.value != value:
            problems.append(f"the header's {key} is not {value!r}")
    if plan.effort not in codec.EFFORTS:
        problems.append(f"unknown effort {plan.effort!r}")
    return problems
