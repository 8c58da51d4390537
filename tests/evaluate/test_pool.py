"""The comparison over several processes: its order, and files that change under it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from quantcli import codec
from quantcli.checkpoint.ranges import RangeFile
from quantcli.container.header import build_header
from quantcli.errors import ContainerError
from quantcli.evaluate.comparison import Job, Piece, Report, Workers, check_all, cut
from quantcli.evaluate.task import Finding, Subject


def make(path: Path, rows: int) -> Job:
    """Write a file of one Q8_0 tensor whose row i has i % 3 invalid blocks."""
    kind = codec.get("Q8_0")
    data = kind.encode_rows(np.ones((rows, 64), np.float32))
    blocks = data.view(kind.layout).reshape(rows, 2)
    for row in range(rows):
        blocks["d"][row, : row % 3] = np.nan
    header = build_header([], [("t", (rows, 64), kind.ggml_type, data.nbytes)])
    path.write_bytes((header.data + data.tobytes()).ljust(header.size, b"\0"))
    start = len(header.data)
    subject = Subject("t", "Q8_0", rows, 64, kind.row_bytes(64), start, origin=None)
    return Job(path, None, (subject,), effort=None)


def collect(found: list[tuple[Piece, Finding]]) -> Report:
    return lambda piece, finding: found.append((piece, finding))


@pytest.mark.parametrize("jobs", [1, 3])
def test_findings_come_in_order_whoever_made_them(tmp_path: Path, jobs: int) -> None:
    job = make(tmp_path / "m.gguf", 50)
    pieces = list(cut(job.subjects, chunk_weights=64))
    found: list[tuple[Piece, Finding]] = []
    assert check_all(job, pieces, collect(found), Workers(jobs)) == ()
    assert [piece for piece, _ in found] == pieces == [Piece(0, i, i + 1) for i in range(50)]
    assert [finding.invalid for _, finding in found] == [i % 3 for i in range(50)]


def test_pieces_are_whole_rows_and_cover_everything() -> None:
    subjects = tuple(Subject(f"t{n}", "F32", n, 100, 400, 0, origin=None) for n in (1, 7, 64))
    for size in (1, 100, 350, 10**9):
        rows = [(p.subject, row) for p in cut(subjects, size) for row in range(p.start, p.stop)]
        assert rows == [(i, row) for i, s in enumerate(subjects) for row in range(s.rows)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_shrank_after_its_header_was_read_is_an_error(
    tmp_path: Path, jobs: int
) -> None:
    job = make(tmp_path / "m.gguf", 400)
    os.truncate(job.path, 1000)
    found: list[tuple[Piece, Finding]] = []
    with pytest.raises(ContainerError, match=r"needs bytes up to .* the file has 1000"):
        check_all(job, list(cut(job.subjects, 64)), collect(found), Workers(jobs))


@pytest.mark.parametrize("jobs", [1, 2])
def test_another_file_of_that_name_is_not_checked_in_its_place(tmp_path: Path, jobs: int) -> None:
    job = make(tmp_path / "m.gguf", 4)
    check_all(job, list(cut(job.subjects, 64)), lambda _piece, _finding: None, Workers(jobs))
    stat = type(job.path).stat
    other = make(tmp_path / "other.gguf", 4)

    class Swapped(type(job.path)):  # type: ignore[misc]  # a path whose file is exchanged after a look at it
        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            before = stat(Path(self), follow_symlinks=follow_symlinks)
            other.path.replace(self)
            return before

    swapped = Job(Swapped(job.path), None, job.subjects, None)
    with pytest.raises(ContainerError, match="not the file that is being checked"):
        check_all(swapped, list(cut(job.subjects, 64)), lambda _p, _f: None, Workers(jobs))


# --------------------------------------------------------------- many small tensors, type by type
def mixed(path: Path, alignment: int, count: int) -> tuple[Job, list[int]]:
    """Write tensors of four types by turns and a larger one."""
    subjects, content, invalid = [], bytearray(), []
    for number in range(count):
        kind = codec.get(("F32", "F16", "Q8_0", "BF16")[number % 4])
        rows = 700 if number == 9 else 1
        data = kind.encode_rows(np.ones((rows, 32), np.float32))
        blocks = data.view(kind.layout)
        bad = number % 7 == 3
        if bad:
            blocks[kind.layout.names[0]][rows - 1, 0] = 0x7F80 if kind.name == "BF16" else np.nan
        content += bytes(-len(content) % alignment)
        name, width = f"t{number}", kind.row_bytes(32)
        subjects.append(Subject(name, kind.name, rows, 32, width, len(content), origin=None))
        invalid.append(int(bad))
        content += data.tobytes()
    path.write_bytes(content)
    return Job(path, None, tuple(subjects), effort=None), invalid


@pytest.mark.parametrize("alignment", [1, 32, 16384])
@pytest.mark.parametrize("jobs", [1, 2])
def test_small_tensors_of_several_types_are_counted_one_by_one(
    tmp_path: Path, alignment: int, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantcli.evaluate.comparison._TOGETHER", 500)
    job, invalid = mixed(tmp_path / "m.gguf", alignment, 60)
    found: list[tuple[Piece, Finding]] = []
    check_all(job, list(cut(job.subjects, 2000)), collect(found), Workers(jobs))
    counts = [0] * 60
    for piece, finding in found:
        counts[piece.subject] += finding.invalid
    assert counts == invalid
    assert sum(invalid) == 9


def test_holes_between_tensors_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = mixed(tmp_path / "m.gguf", 1 << 20, 12)
    read, most = RangeFile.read_into, []

    def noting(
        file: RangeFile, offset: int, out: np.ndarray[tuple[int], np.dtype[np.uint8]]
    ) -> None:
        most.append(out.nbytes)
        read(file, offset, out)

    monkeypatch.setattr(RangeFile, "read_into", noting)
    check_all(job, list(cut(job.subjects)), lambda _piece, _finding: None, Workers(1))
    assert sum(most) == sum(subject.rows * subject.row_bytes for subject in job.subjects)
