"""Importance matrices: both formats, merging, coverage, and what bad files get."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt
import pytest
import tiny

import quantcli
from quantcli import codec
from quantcli.errors import ImatrixError, InputError, PlanError, UsageError
from quantcli.importance import cover, encode_rows, read_imatrix
from quantcli.importance.matrix import PRIOR_TOKENS

F32 = npt.NDArray[np.float32]
RNG = np.random.default_rng(5)
Q = RNG.random(8, np.float32) + 0.1
EXPERTS = RNG.random((3, 8), np.float32) + 0.1


def write_gguf(
    path: Path, entries: dict[str, tuple[F32, list[float]]], *, drop: str = "", chunks: int = 7
) -> Path:
    """Write an importance matrix as llama-imatrix does: sums of squares and counts."""
    writer = gguf.GGUFWriter(path, "", use_temp_file=False)
    writer.kv_data[0].pop("general.architecture", None)
    writer.add_string("general.type", "imatrix")
    writer.add_array("imatrix.datasets", ["text.txt"])
    if drop != "imatrix.chunk_count":
        writer.add_uint32("imatrix.chunk_count", chunks)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, (sums, counts) in entries.items():
        if drop != f"{name}.in_sum2":
            writer.add_tensor(f"{name}.in_sum2", sums)
        if drop != f"{name}.counts":
            writer.add_tensor(f"{name}.counts", np.array(counts, np.float32)[:, None])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_dat(path: Path, entries: dict[str, tuple[F32, int]], tail: bytes = b"") -> Path:
    """Write the older format: means times calls."""
    data = struct.pack("<i", len(entries))
    for name, (means, calls) in entries.items():
        data += struct.pack("<i", len(name)) + name.encode()
        data += struct.pack("<ii", calls, len(means)) + (means * calls).astype("<f4").tobytes()
    path.write_bytes(data + tail)
    return path


def test_a_matrix_is_the_mean_of_the_squares(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "a.gguf", {"blk.0.attn_q.weight": (Q * 100, [100.0])})
    matrix = read_imatrix(path)
    assert matrix.names == ("blk.0.attn_q.weight",)
    weights = matrix.weights("blk.0.attn_q.weight", 1, 8)
    assert weights is not None
    assert np.allclose(weights, Q[None], rtol=1e-6)
    assert matrix.weights("blk.0.attn_k.weight", 1, 8) is None
    assert (matrix.files[0].chunks, matrix.files[0].datasets) == (7, ("text.txt",))


@pytest.mark.parametrize("tail", [b"", struct.pack("<ii", 9, 5) + b"a.txt"], ids=["old", "new"])
def test_the_older_format_says_the_same(tmp_path: Path, tail: bytes) -> None:
    path = write_dat(tmp_path / "a.dat", {"blk.0.attn_q.weight": (Q, 9)}, tail)
    matrix = read_imatrix(path)
    weights = matrix.weights("blk.0.attn_q.weight", 1, 8)
    assert weights is not None
    assert np.allclose(weights, Q[None], rtol=1e-6)
    assert matrix.files[0].chunks == (9 if tail else 0)


def test_experts_that_few_tokens_reached_lean_on_the_others(tmp_path: Path) -> None:
    counts = [1000.0, 1.0, 0.0]
    sums = EXPERTS * np.array(counts, np.float32)[:, None]
    matrix = read_imatrix(write_gguf(tmp_path / "a.gguf", {"e.weight": (sums, counts)}))
    weights = matrix.weights("e.weight", 3, 8)
    assert weights is not None
    mean = sums.sum(axis=0) / 1001.0
    assert np.allclose(weights[0], EXPERTS[0], rtol=0.03)
    assert np.allclose(weights[2], mean, rtol=1e-5)
    by_hand = (sums[1] + PRIOR_TOKENS * mean) / (1 + PRIOR_TOKENS)
    assert np.allclose(weights[1], by_hand, rtol=1e-5)


def test_files_are_merged_by_their_sums(tmp_path: Path) -> None:
    one = write_gguf(tmp_path / "1.gguf", {"a.weight": (Q * 10, [10.0]), "b.weight": (Q, [1.0])})
    two = write_gguf(tmp_path / "2.gguf", {"a.weight": (Q[::-1].copy() * 30, [30.0])})
    both = read_imatrix([one, two]).weights("a.weight", 1, 8)
    assert both is not None
    assert np.allclose(both, (Q * 10 + Q[::-1] * 30) / 40, rtol=1e-6)
    only = read_imatrix([one, two], include=["^b"])
    assert only.names == ("b.weight",)
    assert read_imatrix([one, two], exclude=["a"]).names == ("b.weight",)


def test_what_a_matrix_leaves_out_is_told(tmp_path: Path) -> None:
    counts = [1000.0, 1.0, 0.0]
    entries = {"e.weight": (EXPERTS, counts), "gone.weight": (Q, [1.0])}
    matrix = read_imatrix(write_gguf(tmp_path / "a.gguf", entries))
    found = cover(matrix, {"e.weight": (3, 8), "q.weight": (1, 8)}, frozenset())
    assert (found.covered, found.missing) == (frozenset({"e.weight"}), ("q.weight",))
    assert found.thin == {"e.weight": 2}
    assert found.unused == ("gone.weight",)
    assert len(found.notes) == 3


@pytest.mark.parametrize(
    "shapes, message",
    [
        ({"e.weight": (3, 16)}, "24 values for 3 x 16"),
        ({"other.weight": (1, 8)}, "names no tensor of this model"),
    ],
)
def test_a_matrix_of_another_model(
    tmp_path: Path, shapes: dict[str, tuple[int, int]], message: str
) -> None:
    matrix = read_imatrix(write_gguf(tmp_path / "a.gguf", {"e.weight": (EXPERTS, [1.0] * 3)}))
    with pytest.raises(ImatrixError, match=message):
        cover(matrix, shapes, frozenset())


def test_files_of_different_models_are_not_merged(tmp_path: Path) -> None:
    one = write_gguf(tmp_path / "1.gguf", {"a.weight": (Q, [1.0])})
    two = write_gguf(tmp_path / "2.gguf", {"a.weight": (Q[:4].copy(), [1.0])})
    with pytest.raises(ImatrixError, match="has 4 values here, 8 in"):
        read_imatrix([one, two]).sums("a.weight")


def test_bad_files_are_one_sentence(tmp_path: Path) -> None:
    good = write_gguf(tmp_path / "good.gguf", {"a.weight": (Q, [1.0])})
    nan = np.array([1.0, np.nan], np.float32)
    cases = {
        "empty": (b"", "it is empty"),
        "cut": (good.read_bytes()[:200], "."),
        "random": (bytes(range(256)), "no importance matrix, or a cut one"),
        "no entries": (struct.pack("<i", 0), "no entries"),
        "long name": (struct.pack("<ii", 1, 2**31 - 1), "a cut one"),
        "negative": (struct.pack("<ii", 1, -5), "a cut one"),
    }
    for name, (data, message) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_imatrix(path)
    for drop, message in (
        ("imatrix.chunk_count", "without imatrix.chunk_count"),
        ("a.weight.counts", "has no counts"),
        ("a.weight.in_sum2", "has no in_sum2"),
    ):
        path = write_gguf(tmp_path / "bad.gguf", {"a.weight": (Q, [1.0])}, drop=drop)
        with pytest.raises(ImatrixError, match=message):
            read_imatrix(path)
    for values in (nan, np.array([1, -1], np.float32), np.array([1, np.inf], np.float32)):
        path = write_gguf(tmp_path / "bad.gguf", {"a.weight": (values, [1.0])})
        with pytest.raises(ImatrixError, match="not finite, or negative"):
            read_imatrix(path)


def test_a_model_is_no_importance_matrix(tmp_path: Path) -> None:
    folder = tiny.write_tiny("llama", tmp_path / "m", size=tiny.WIDE)
    quantcli.convert(folder, "Q8_0", tmp_path / "m.gguf", jobs=1)
    with pytest.raises(ImatrixError, match=r"a model \(llama\), not an importance matrix"):
        read_imatrix(tmp_path / "m.gguf")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([],), "no importance matrix is named"),
        ((["a.gguf", "a.gguf"],), "named twice"),
    ],
)
def test_wrong_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[list[str]], message: str
) -> None:
    write_gguf(tmp_path / "a.gguf", {"a.weight": (Q, [1.0])})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        read_imatrix(*arguments)
    with pytest.raises(UsageError, match="no regular expression"):
        read_imatrix("a.gguf", include=["("])
    with pytest.raises(UsageError, match="no tensor is left"):
        read_imatrix("a.gguf", exclude=["a"])


# -------------------------------------------------------------------------------------- encoding
def test_every_row_is_encoded_with_the_columns_of_its_own_matrix() -> None:
    kind = codec.get("Q4_K")
    rows = RNG.standard_normal((3 * 4, 256), np.float32)
    weights = RNG.random((3, 256), np.float32)
    whole = np.concatenate(
        [kind.encode_rows(rows[4 * e : 4 * e + 4], weights[e]) for e in range(3)]
    )
    for start, stop in ((0, 12), (0, 5), (3, 9), (4, 8), (11, 12)):
        part = encode_rows(kind, rows[start:stop], "normal", weights, start, 4)
        assert np.array_equal(part, whole[start:stop])


def matrix_for(folder: Path, path: Path, *, skip: str = "") -> Path:
    """Write a matrix with random importance for every quantized tensor of a model."""
    steps = quantcli.plan(folder, "Q4_K_M").steps
    return write_gguf(
        path,
        {
            step.name: (RNG.random(step.matrices * step.columns, np.float32), [50.0])
            for step in steps
            if step.type not in ("F32", "F16", "BF16")
            and step.name.startswith("blk.")
            and not (skip and skip in step.name)
        },
    )


def test_a_conversion_uses_it_and_says_so(tmp_path: Path) -> None:
    folder = tiny.write_tiny("llama", tmp_path / "m", size=tiny.WIDE)
    matrix = matrix_for(folder, tmp_path / "i.gguf")
    plain = quantcli.plan(folder, "Q4_K_M")
    made = quantcli.plan(folder, "Q4_K_M", imatrix=matrix)
    assert made.digest() != plain.digest()
    assert {s.name for s in made.steps if s.importance} == set(read_imatrix(matrix).names)
    output = tmp_path / "m.gguf"
    quantcli.convert(folder, "Q4_K_M", output, imatrix=matrix, jobs=1)
    fields = gguf.GGUFReader(output).fields
    assert fields["quantize.imatrix.file"].contents() == "i.gguf"
    assert fields["quantize.imatrix.dataset"].contents() == "text.txt"
    assert fields["quantize.imatrix.chunks_count"].contents() == 7
    assert quantcli.verify(output).passed
    assert quantcli.verify(output, folder).passed
    assert quantcli.verify(output, folder, exact=True, imatrix=matrix, jobs=1).passed
    with pytest.raises(UsageError, match="needs the importance matrix"):
        quantcli.verify(output, folder, exact=True)
    again = quantcli.convert(
        folder, "Q4_K_M", output, imatrix=matrix, skip_existing="verify", jobs=1
    )
    assert again.skipped


def test_a_type_that_needs_it_is_refused_without(tmp_path: Path) -> None:
    folder = tiny.write_tiny("llama", tmp_path / "m", size=tiny.WIDE)
    with pytest.raises(UsageError, match="IQ2_XXS needs an importance matrix"):
        quantcli.plan(folder, "IQ2_XXS")
    thin = matrix_for(folder, tmp_path / "thin.gguf", skip="ffn_up")
    with pytest.raises(UsageError, match="needs importance data of tensors that the matrix lacks"):
        quantcli.plan(folder, "IQ2_XXS", imatrix=thin)
    assert quantcli.plan(folder, "IQ2_XXS", imatrix=matrix_for(folder, tmp_path / "i.gguf"))


def test_a_saved_plan_wants_the_same_matrix(tmp_path: Path) -> None:
    folder = tiny.write_tiny("llama", tmp_path / "m", size=tiny.WIDE)
    matrix = matrix_for(folder, tmp_path / "i.gguf")
    saved = tmp_path / "plan.json"
    saved.write_text(quantcli.plan(folder, "Q4_K_M", imatrix=matrix).to_json())
    output = tmp_path / "m.gguf"
    with pytest.raises(UsageError, match="another importance matrix"):
        quantcli.convert(folder, output=output, plan=saved, jobs=1)
    other = matrix_for(folder, tmp_path / "other.gguf")
    with pytest.raises((UsageError, PlanError)):
        quantcli.convert(folder, output=output, plan=saved, imatrix=other, jobs=1)
    assert not output.exists()
    quantcli.convert(folder, output=output, plan=saved, imatrix=matrix, jobs=1)
    direct = tmp_path / "direct.gguf"
    quantcli.convert(folder, "Q4_K_M", direct, imatrix=matrix, jobs=2)
    assert output.read_bytes() == direct.read_bytes()


def test_changed_files_are_another_plan(tmp_path: Path) -> None:
    folder = tiny.write_tiny("llama", tmp_path / "m", size=tiny.WIDE)
    matrix = matrix_for(folder, tmp_path / "i.gguf")
    before = quantcli.plan(folder, "Q4_K_M", imatrix=matrix).digest()
    matrix_for(folder, matrix)
    assert quantcli.plan(folder, "Q4_K_M", imatrix=matrix).digest() != before
