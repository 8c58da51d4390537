from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import gguf
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from quantcli.app.plan import plan as make_plan
from quantcli.errors import Interrupted, OutputError, PlanError, QuantcliError
from quantcli.execute import partial as module
from quantcli.execute.chunks import bundles, position, split, weights
from quantcli.execute.execute import Options, Outcome, execute
from quantcli.execute.task import NonFiniteError
from quantcli.planning.plan import Plan

MakeTiny = Callable[..., Path]
SMALL_CHUNK = 3000


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def model(make_tiny: MakeTiny) -> Path:
    return make_tiny("llama")


@pytest.fixture
def planned(model: Path) -> Plan:
    return make_plan(model, "Q4_K_M")


def leftovers(output: Path) -> list[str]:
    return sorted(
        path.name for path in output.parent.iterdir() if path.name.startswith(output.name)
    )


def stop_after(calls: int) -> Callable[[int, int], None]:
    """A progress callback that is Ctrl-C at its `calls`-th call."""
    seen = []

    def progress(done: int, _total: int) -> None:
        seen.append(done)
        if len(seen) == calls:
            raise KeyboardInterrupt

    return progress


def run(plan: Plan, model: Path, output: Path, **options: object) -> Outcome:
    options = {"jobs": 1, "chunk_weights": SMALL_CHUNK, **options}
    return execute(plan, model, output, Options(**options))


def test_chunks_cover_every_row_once_and_positions_fill_every_tensor(planned: Plan) -> None:
    chunks = split(planned, SMALL_CHUNK)
    for number, step in enumerate(planned.steps):
        own = [chunk for chunk in chunks if chunk.step == number]
        assert [row for c in own for row in range(c.start, c.stop)] == list(range(step.rows))
        places = [position(planned, chunk) for chunk in own]
        assert places[0][0] == step.offset
        assert sum(length for _, length in places) == step.nbytes
        assert all(a + n == b for (a, n), (b, _) in pairwise(places))


def test_the_same_bytes_whatever_the_jobs_and_chunks(
    planned: Plan, model: Path, tmp_path: Path
) -> None:
    digests = set()
    for jobs, chunk_weights in ((1, SMALL_CHUNK), (1, 1), (2, 50_000), (3, SMALL_CHUNK)):
        output = tmp_path / f"{jobs}-{chunk_weights}.gguf"
        run(planned, model, output, jobs=jobs, chunk_weights=chunk_weights)
        assert leftovers(output) == [output.name]
        digests.add(digest(output))
    assert len(digests) == 1


def test_the_file_is_what_the_plan_says_to_an_independent_reader(
    planned: Plan, model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.gguf"
    run(planned, model, output, jobs=2)
    assert output.stat().st_size == planned.size
    tensors = gguf.GGUFReader(output).tensors
    assert [(t.name, t.tensor_type.name, t.data_offset, t.n_bytes) for t in tensors] == [
        (s.name, s.type, s.offset, s.nbytes) for s in planned.steps
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_goes_on_where_it_stopped(
    planned: Plan, model: Path, tmp_path: Path, jobs: int
) -> None:
    whole, output = tmp_path / "whole.gguf", tmp_path / "out.gguf"
    run(planned, model, whole)
    with pytest.raises(Interrupted, match="what is done is kept"):
        run(planned, model, output, jobs=jobs, progress=stop_after(20))
    assert leftovers(output) == ["out.gguf.partial", "out.gguf.partial.journal"]
    outcome = run(planned, model, output, jobs=jobs)
    assert outcome.resumed > 0
    assert leftovers(output) == ["out.gguf"]
    assert digest(output) == digest(whole)


def test_resuming_keeps_the_first_run_s_chunk_size(
    planned: Plan, model: Path, tmp_path: Path
) -> None:
    whole, output = tmp_path / "whole.gguf", tmp_path / "out.gguf"
    run(planned, model, whole)
    with pytest.raises(Interrupted):
        run(planned, model, output, progress=stop_after(20))
    assert run(planned, model, output, chunk_weights=777).resumed > 0
    assert digest(output) == digest(whole)


def test_bytes_that_do_not_match_the_journal_are_encoded_again(
    planned: Plan, model: Path, tmp_path: Path
) -> None:
    whole, output = tmp_path / "whole.gguf", tmp_path / "out.gguf"
    run(planned, model, whole)
    with pytest.raises(Interrupted):
        run(planned, model, output, progress=stop_after(30))
    undamaged = tmp_path / "copy.gguf"
    for suffix in (".partial", ".partial.journal"):
        shutil.copy(tmp_path / f"out.gguf{suffix}", tmp_path / f"copy.gguf{suffix}")
    with (tmp_path / "out.gguf.partial").open("r+b") as file:
        file.seek(planned.steps[0].offset)
        file.write(b"\xff" * planned.steps[0].nbytes)
    with (tmp_path / "out.gguf.partial.journal").open("ab") as file:
        file.write(b"7 torn")
    assert run(planned, model, output).resumed < run(planned, model, undamaged).resumed
    assert digest(output) == digest(undamaged) == digest(whole)


def test_a_partial_file_of_another_plan_or_changed_weights_is_not_trusted(
    planned: Plan, model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.gguf"
    with pytest.raises(Interrupted):
        run(planned, model, output, progress=stop_after(20))
    assert run(make_plan(model, "Q8_0"), model, output).resumed == 0

    output.unlink()
    with pytest.raises(Interrupted):
        run(planned, model, output, progress=stop_after(20))
    weights = model / "model.safetensors"
    negative = {name: -array for name, array in load_file(weights).items()}
    save_file(negative, weights, metadata={"format": "pt"})
    os.utime(weights, ns=(1, 1))
    assert run(planned, model, output).resumed == 0


def test_nonfinite_weights_are_named_and_nothing_is_left(model: Path, tmp_path: Path) -> None:
    spoil(model, "model.layers.1.mlp.up_proj.weight", (3, 5), np.nan)
    output = tmp_path / "out.gguf"
    for jobs in (1, 2):
        with pytest.raises(
            QuantcliError, match=r"blk\.1\.ffn_up\.weight .*row 3, column 5"
        ) as caught:
            run(make_plan(model, "Q8_0"), model, output, jobs=jobs)
        assert caught.value.exit_code == NonFiniteError.exit_code == 3
        assert leftovers(output) == []


def test_allowed_nonfinite_weights_become_zero_and_the_row_s_largest(
    model: Path, tmp_path: Path
) -> None:
    name = "model.layers.1.mlp.up_proj.weight"
    spoil(model, name, (3, 5), np.nan)
    spoil(model, name, (4, 6), -np.inf)
    output = tmp_path / "out.gguf"
    outcome = run(make_plan(model, "Q8_0"), model, output, allow_nonfinite=True)
    assert outcome.nonfinite == 2
    tensor = next(t for t in gguf.GGUFReader(output).tensors if t.name == "blk.1.ffn_up.weight")
    values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    source = np.asarray(load_file(model / "model.safetensors")[name], dtype=np.float32)
    largest = np.abs(source[4][np.isfinite(source[4])]).max()
    assert values[3, 5] == 0
    assert values[4, 6] == pytest.approx(-largest, rel=0.01)


def spoil(model: Path, name: str, place: tuple[int, int], value: float) -> None:
    tensors = load_file(model / "model.safetensors")
    tensors[name][place] = value
    save_file(tensors, model / "model.safetensors")


def test_too_little_space_is_said_before_the_first_byte(
    planned: Plan, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    output = tmp_path / "out.gguf"
    with pytest.raises(OutputError, match="1,000 are free"):
        run(planned, model, output)
    assert leftovers(output) == []


def test_a_plan_does_not_run_on_another_checkpoint(
    planned: Plan, model: Path, make_tiny: MakeTiny, tmp_path: Path
) -> None:
    other = make_tiny("qwen2")
    with pytest.raises(PlanError, match="the plan was made from one of"):
        run(planned, other, tmp_path / "out.gguf")


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_bundles_hold_every_chunk_once_and_for_clusters_are_contiguous(
    planned: Plan, monkeypatch: pytest.MonkeyPatch, workers: int | None
) -> None:
    monkeypatch.setattr("quantcli.execute.chunks._SMALLEST_BUNDLE", 5 * SMALL_CHUNK)
    chunks = split(planned, SMALL_CHUNK)
    left = [number for number in range(len(chunks)) if number % 17]
    groups = bundles(planned, chunks, left, workers)
    assert sorted(number for group in groups for number in group) == left
    assert all(b == a + 1 for group in groups for a, b in pairwise(group))
    sizes = [sum(weights(planned, chunks[number]) for number in group) for group in groups]
    if workers is None:
        assert groups == sorted(groups)
        assert len(groups) < len(left)
        assert max(sizes) == max(weights(planned, chunks[number]) for number in left)
    else:
        assert len(groups) < len(left) / 2
        assert sizes == sorted(sizes, reverse=True)
    assert bundles(planned, chunks, [], workers) == []
