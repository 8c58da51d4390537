"""Runs cases: checkpoint, quantcli, llama.cpp against transformers, the peer's converter."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import quantcli
from conformance import checkpoint, isolated, peer, runtime, truth, weights
from conformance.case import Case

Values = np.ndarray[Any, Any]
# Largest difference over largest output that still counts as the same function.
TOLERANCE = 1e-3
# From here on a difference may come from llama.cpp's table of GELU.
ROUNDED = 1e-4
# Two programs in float32 differ by about 1e-6.
SUSPICIOUS = 3e-5
SECONDS = 120.0
TYPES = ("F32", "BF16")


@dataclass(slots=True)
class Result:
    """What became of a case.

    Attributes:
        arch, case: which.
        made: the checkpoint, or None when it could not be made.
        notes: of quantcli's plan.
        failures: everything unexpected; empty when the case holds.
        refusal: what quantcli said where it refused.
        difference: largest difference to transformers over the largest output, or None.
        tops: positions with the same largest output, of all; None likewise.
        rounded: the difference when transformers' GELU is llama.cpp's table of F16 numbers, where
            the plain difference was large enough to ask.
        runtime_error: llama.cpp's, where it does not compute.
        peer_error: the peer's, where it does not convert.
        peer_differences: name of tensor or key → how it differs; by type.
        compared: tensors and keys compared with the peer.
        seconds: it took.
        contents: tensors and keys of quantcli's file of each type.
    """

    arch: str
    case: Case
    made: checkpoint.Made | None = None
    notes: tuple[str, ...] = ()
    failures: list[str] = field(default_factory=list)
    refusal: str = ""
    difference: float | None = None
    tops: tuple[int, int] | None = None
    rounded: float | None = None
    runtime_error: str = ""
    peer_error: str = ""
    peer_differences: dict[str, str] = field(default_factory=dict)
    peer_vocabulary: bool = True
    compared: int = 0
    contents: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def run(arch: str, case: Case, *, with_peer: bool, keep: Path | None = None) -> Result:
    """Run one case in this process and its children.

    Args:
        arch: module name of the case.
        case: the case.
        with_peer: also compare with llama.cpp's converter.
        keep: folder that gets everything made for the case.
    """
    started = time.monotonic()
    result = Result(arch, case)
    with tempfile.TemporaryDirectory(prefix="conformance-") as temporary:
        folder = Path(temporary) if keep is None else keep / arch / case.name
        if keep is not None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        try:
            _steps(result, folder, with_peer=with_peer)
        except _StopError:
            pass
        except Exception as error:  # noqa: BLE001 - one case must not end the others
            result.failures.append(f"{type(error).__name__}: {error}")
    result.seconds = time.monotonic() - started
    return result


class _StopError(Exception):
    """There is nothing more to compare."""


def _steps(result: Result, folder: Path, *, with_peer: bool) -> None:
    case = result.case
    model = folder / "checkpoint"
    result.made = _transformers(result, folder, checkpoint.made, case, folder / "made")
    checkpoint.write(case, result.made, model)
    if _refused(result, model, folder):
        return
    arch = architecture(folder / "F32.gguf")
    result.contents = {kind: peer.contents(folder / f"{kind}.gguf", arch) for kind in TYPES}
    result.failures += stated(case, result.made, folder / "F32.gguf")
    _computed(result, model, folder)
    if with_peer:
        _peer(result, model, folder)


def _transformers(result: Result, folder: Path, function: Callable[..., Any], *given: Any) -> Any:
    """Return what `function` gives in a process of its own; a failure ends the case."""
    try:
        return isolated.call(function, *given, log=folder / "transformers.log", seconds=SECONDS)
    except isolated.FailedError as error:
        result.failures.append(f"transformers: {error}")
        raise _StopError from error


def stated(case: Case, made: checkpoint.Made, path: Path) -> list[str]:
    """Return what in the F32 file at `path` is not as the case's statement has it."""
    if case.statement is None:
        return []
    stored = weights.tensors(made.shapes, case.weights, made.dtypes)
    found = peer.contents(path, "")[0]
    said = []
    for name, value in case.statement(stored).items():
        _, shape, data = found.get(name, ("", (), b""))
        wanted = np.ascontiguousarray(value, np.float32)
        if shape != wanted.shape:
            said.append(f"statement: {name} has shape {shape}, not {wanted.shape}")
        elif data != wanted.tobytes():
            said.append(f"statement: {name} has other values")
    return said


def _refused(result: Result, model: Path, folder: Path) -> bool:
    """Convert to F32 and BF16; return whether quantcli refused, as it should or not."""
    case = result.case
    try:
        for kind in TYPES:
            done = quantcli.convert(
                model, kind, folder / f"{kind}.gguf", jobs=1, **dict(case.convert)
            )
            result.notes = done.notes
    except quantcli.QuantcliError as error:
        result.refusal = str(error)
        if not case.refused:
            result.failures.append(f"quantcli: {error}")
        elif not re.search(case.refused, result.refusal):
            result.failures.append(f"the refusal does not say {case.refused!r}: {error}")
        return True
    if case.noted and not any(re.search(case.noted, note) for note in result.notes):
        result.failures.append(f"no note says {case.noted!r}: {result.notes}")
    if case.refused:
        result.failures.append(f"quantcli converts it and should refuse: {case.refused}")
    return False


def _computed(result: Result, model: Path, folder: Path) -> None:
    case = result.case
    tokens = checkpoint.token_ids(case)
    expected = None
    source = model if case.twin is None else folder / "twin"
    if case.twin is not None:
        source.mkdir(exist_ok=True)
        _transformers(result, folder, checkpoint.write_twin, case, result.made, source)
    if case.shapes is None or case.twin is not None:
        expected = _transformers(result, folder, truth.compute, case, source, tokens)
    try:
        log = folder / "llama.cpp.log"
        arguments = (case, folder / "F32.gguf", tokens)
        got = isolated.call(runtime.compute, *arguments, log=log, seconds=SECONDS)
    except isolated.FailedError as error:
        result.runtime_error = f"{error} {last_error(error.detail)}".strip()
        if not case.runtime_wrong:
            result.failures.append(f"llama.cpp: {result.runtime_error}")
        return
    if expected is None:
        if not np.isfinite(got).all() or np.ptp(got, axis=0).max(initial=0) == 0:
            result.failures.append("llama.cpp: outputs are not finite, or all equal")
        return

    compare(result, expected, got, lambda: rounded(case, source, tokens))


def rounded(case: Case, model: Path, tokens: list[int]) -> Values:
    """Return what transformers computes with GELU as llama.cpp's table has it."""

    def compute() -> Values:
        return truth.compute(case, model, tokens, tables=True)

    return isolated.call(compute, log=model.parent / "transformers.log", seconds=SECONDS)


def last_error(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines()]
    telling = [line for line in lines if "error" in line.lower() or "GGML_ASSERT" in line]
    return "; ".join(dict.fromkeys(telling[:3]))[:500]


def compare(
    result: Result, expected: Values, got: Values, rounded: Callable[[], Values] | None = None
) -> None:
    """Hold llama.cpp's outputs against transformers'.

    Args:
        result: takes the figures and failures.
        expected: what transformers computes.
        got: what llama.cpp computes.
        rounded: computes what transformers would with llama.cpp's table of GELU, whose numbers are
            F16; asked where the difference is of the size that rounding makes.
    """
    case = result.case
    if got.shape != expected.shape:
        result.failures.append(f"llama.cpp gives {got.shape}, transformers {expected.shape}")
        return
    if not np.isfinite(expected).all():
        result.failures.append("transformers computes numbers that are not finite")
        return
    centred = case.kind in {"logits", "encoder-decoder"}
    result.difference, same = _distance(expected, got, centred=centred)
    if rounded is not None and ROUNDED < result.difference < 100 * ROUNDED:
        result.rounded, same = _distance(rounded(), got, centred=centred)
    result.tops = (same, len(expected))
    nearest = result.difference if result.rounded is None else result.rounded
    holds = same == len(expected) and min(result.difference, nearest) < TOLERANCE
    figures = f"difference {result.difference:.1e}, {same}/{len(expected)} tops"
    if result.rounded is not None:
        figures += f", {result.rounded:.1e} with GELU rounded as llama.cpp does"
    if not holds and not case.runtime_wrong:
        result.failures.append(f"llama.cpp computes something else: {figures}")
    if holds and case.runtime_wrong:
        result.failures.append(f"llama.cpp is right, though the case says it is not: {figures}")


def _distance(expected: Values, got: Values, *, centred: bool) -> tuple[float, int]:
    """Return the largest difference over the largest output, and in how many rows tops agree."""
    if centred:
        expected = expected - expected.mean(axis=1, keepdims=True)
        got = got - got.mean(axis=1, keepdims=True)
    same = int((got.argmax(axis=1) == expected.argmax(axis=1)).sum())
    return float(np.abs(got - expected).max() / np.abs(expected).max()), same


def _peer(result: Result, model: Path, folder: Path) -> None:
    case = result.case
    try:
        _peer_files(result, model, folder)
    except isolated.FailedError as error:
        result.peer_error = str(error)
        if not case.peer_fails:
            result.failures.append(f"peer: {error}")
        if result.difference is None and case.statement is None:
            result.failures.append("nothing says what the tensors must be: give it a statement")
        return
    if case.peer_fails:
        result.failures.append("the peer converts it, though the case says that it fails")
    arch = result.contents[TYPES[0]][1]["general.architecture"][1]
    for kind in TYPES:
        ours = result.contents[kind]
        theirs = peer.contents(folder / f"peer.{kind}.gguf", arch)
        result.compared += sum(map(len, ours))
        for name, how in peer.differences(ours, theirs).items():
            result.peer_differences[f"{kind} {name}"] = how
            if not any(re.search(pattern, name) for pattern in case.peer_differs):
                result.failures.append(f"peer: {kind} {name}: {how}")
    unused = [
        pattern
        for pattern in case.peer_differs
        if not any(re.search(pattern, name.partition(" ")[2]) for name in result.peer_differences)
    ]
    if unused:
        result.failures.append(f"peer_differs has patterns that nothing matches: {unused}")


def _peer_files(result: Result, model: Path, folder: Path) -> None:
    """Let the peer convert, without its tokenizer where that fails."""
    for kind in TYPES:
        arguments = (result.case, model, folder / f"peer.{kind}.gguf", kind.lower())
        log = folder / f"peer.{kind}.log"
        if result.peer_vocabulary:
            try:
                isolated.call(peer_convert, *arguments, True, log=log, seconds=SECONDS)
                continue
            except isolated.FailedError as error:
                first = error
        result.peer_vocabulary = False
        try:
            isolated.call(peer_convert, *arguments, False, log=log, seconds=SECONDS)
        except isolated.FailedError as error:
            raise first from error


def peer_convert(case: Case, model: Path, output: Path, kind: str, vocabulary: bool) -> None:
    peer.convert(case, model, output, kind, vocabulary=vocabulary)


def architecture(path: Path) -> str:
    import gguf

    return str(gguf.GGUFReader(path).fields["general.architecture"].contents())


def suspicious(result: Result) -> bool:
    """Tell a difference that is within the tolerance, but larger than float32 alone makes."""
    if result.difference is None or result.failures or result.case.runtime_wrong:
        return False
    without_gelu = result.rounded is None or result.rounded > 0.9 * result.difference
    return result.difference > SUSPICIOUS and without_gelu


def line(result: Result) -> str:
    """Return the case's line of figures."""
    logits = result.case.kind if result.difference is None else f"{result.difference:.1e}"
    tops = "" if result.tops is None else f"{result.tops[0]}/{result.tops[1]} tops"
    if result.rounded is not None:
        tops += f" (GELU as F16: {result.rounded:.1e})"
    if suspicious(result):
        tops += " (more than rounding makes?)"
    if result.refusal and not result.failures:
        logits, tops = "refused", "as it should"
    if result.case.runtime_wrong and not result.failures:
        tops += " (llama.cpp is wrong)"
    if result.peer_error:
        other = f"peer fails: {result.peer_error[:100]}"
    elif result.compared:
        off = len(result.peer_differences)
        equal = f"{result.compared - off} of {result.compared} equal to the peer's"
        other = equal if result.peer_vocabulary else f"{equal} (its vocabulary left out)"
    else:
        other = ""
    state = "FAIL" if result.failures else "ok"
    name = f"{result.arch}/{result.case.name}"
    return f"{state:4} {name:32} {logits:>8} {tops:11} {other}  {result.seconds:.1f} s"


def run_all(
    cases: list[tuple[str, Case]], *, with_peer: bool, jobs: int, keep: Path | None
) -> Iterator[Result]:
    """Yield the results in the order of `cases`, `jobs` of them at work at a time."""
    warm_up({case.hf for _, case in cases if case.shapes is None})
    if jobs == 1:
        for arch, case in cases:
            yield run(arch, case, with_peer=with_peer, keep=keep)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(jobs) as pool:
        work = [pool.submit(_forked, arch, case, with_peer, keep) for arch, case in cases]
        for one in work:
            yield one.result()


def _forked(arch: str, case: Case, with_peer: bool, keep: Path | None) -> Result:
    def whole() -> Result:
        return run(arch, case, with_peer=with_peer, keep=keep)

    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        try:
            return isolated.call(whole, log=Path(log.name), seconds=6 * SECONDS)
        except isolated.FailedError as error:
            return Result(arch, case, failures=[f"{error}\n{error.detail[-2000:]}"])


def warm_up(classes: set[str]) -> None:
    """Import once what every child needs: torch, and the classes of transformers."""
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in sorted(classes):
        getattr(transformers, name, None)
    sys.stdout.flush()
