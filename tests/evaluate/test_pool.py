"""Worker processes of the comparison: their order, and what happens when one dies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from quantcli import codec
from quantcli.container.header import build_header
from quantcli.container.reader import GgufFile
from quantcli.errors import QuantcliError
from quantcli.evaluate.comparison import Job, Piece, Subject, cut
from quantcli.evaluate.pool import check_all


def make(path: Path, rows: int) -> Job:
    """Write a file of one Q8_0 tensor whose row i has i % 3 invalid blocks."""
    kind = codec.get("Q8_0")
    data = kind.encode_rows(np.ones((rows, 64), np.float32))
    blocks = data.view(kind.layout).reshape(rows, 2)
    for row in range(rows):
        blocks["d"][row, : row % 3] = np.nan
    header = build_header([], [("t", (rows, 64), kind.ggml_type, data.nbytes)])
    path.write_bytes((header.data + data.tobytes()).ljust(header.size, b"\0"))
    subject = Subject("t", "Q8_0", rows, 64, kind.row_bytes(64), origin=None)
    return Job(path, None, (subject,), effort=None)


@pytest.mark.parametrize("jobs", [1, 3])
def test_findings_come_in_order_whoever_made_them(tmp_path: Path, jobs: int) -> None:
    job = make(tmp_path / "m.gguf", 50)
    pieces = list(cut(job.subjects, chunk_weights=64))
    found = list(check_all(job, GgufFile(job.path), pieces, jobs))
    assert [piece for piece, _ in found] == pieces == [Piece(0, i, i + 1) for i in range(50)]
    assert [finding.invalid for _, finding in found] == [i % 3 for i in range(50)]


def test_pieces_are_whole_rows_and_cover_everything() -> None:
    subjects = tuple(Subject(f"t{n}", "F32", n, 100, 400, origin=None) for n in (1, 7, 64))
    for size in (1, 100, 350, 10**9):
        rows = [(p.subject, row) for p in cut(subjects, size) for row in range(p.start, p.stop)]
        assert rows == [(i, row) for i, s in enumerate(subjects) for row in range(s.rows)]


def test_a_worker_that_dies_is_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    job = make(tmp_path / "m.gguf", 4)
    file = GgufFile(job.path)
    job.path.unlink()  # so that the workers cannot open it
    with pytest.raises(QuantcliError, match="worker process ended with status 1"):
        list(check_all(job, file, cut(job.subjects, 64), 2))
    assert "cannot be read" in capfd.readouterr().err
