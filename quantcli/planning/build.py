"""Building a plan: pure, from what the model is to every byte's place."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

from quantcli import codec
from quantcli.arch.architecture import Entry, Model, TensorSpec, Value
from quantcli.checkpoint.source import TensorRef
from quantcli.container.header import build_header
from quantcli.errors import UsageError, listed
from quantcli.importance import Coverage, Importance, cover
from quantcli.planning.plan import (
    ASSUMED_KEY,
    IMATRIX_KEY,
    MatrixFile,
    MatrixUse,
    Plan,
    SourceFile,
    Step,
)
from quantcli.recipe import Assignment, Recipe, assign, starving
from quantcli.recipe.tensors import EMBEDDINGS
from quantcli.tokenizer import TokenizerExport

# Version of the block formats, as llama.cpp's quantizer writes it.
_QUANTIZATION_VERSION = 2
# Bytes of a text that llama.cpp keeps of an importance matrix's names.
_LONGEST = 127


@dataclass(frozen=True, slots=True)
class Identity:
    """What ends up in the `quantcli.*` keys besides the preset.

    Attributes:
        version: of quantcli.
        source_digest: of the checkpoint, see `quantcli.checkpoint.fingerprint`.
        effort: of the encoders.
        assumes_importance: the types are to be those with an importance matrix, though there is
            none to encode with: for comparing with a file that was made with one.
    """

    version: str
    source_digest: str
    effort: str
    assumes_importance: bool = False


def build(
    model: Model,
    *,
    general: Sequence[Entry],
    tokenizer: TokenizerExport,
    recipe: Recipe,
    refs: Mapping[str, TensorRef],
    files: Mapping[str, int],
    identity: Identity,
    importance: Importance | None = None,
) -> Plan:
    """Return the plan for `model` under `recipe`.

    Args:
        model: the expanded architecture.
        general: general.* entries, general.architecture first.
        tokenizer: the exported tokenizer.
        recipe: the preset.
        refs: the checkpoint's tensors by name.
        files: path → size of the files that the plan depends on.
        identity: provenance.
        importance: the importance matrix.

    Raises:
        ImatrixError: the matrix is of another model.
        UsageError: the preset gives tensors a type that needs an importance matrix.
        ContainerError: a name or a value that the format cannot hold.
    """
    dtypes = {name: ref.dtype for name, ref in refs.items()}
    weighted = importance is not None or identity.assumes_importance
    assignments = assign(recipe, model.traits, model.specs, dtypes, importance=weighted)
    coverage = None if importance is None else _coverage(importance, model.specs, assignments)
    covered = frozenset[str]() if coverage is None else coverage.covered
    if not identity.assumes_importance:
        hungry = starving(recipe, model.specs, assignments)
        _refuse_starving(recipe, [name for name in hungry if name not in covered], importance)
    codecs = [codec.get(assignment.type) for assignment in assignments]
    sizes = [
        kind.row_bytes(spec.shape[-1]) * _rows(spec)
        for kind, spec in zip(codecs, model.specs, strict=True)
    ]
    header = build_header(
        _entries(model, general, tokenizer, recipe, identity, importance),
        [
            (spec.name, spec.shape, kind.ggml_type, size)
            for spec, kind, size in zip(model.specs, codecs, sizes, strict=True)
        ],
    )
    steps = tuple(
        _step(spec, assignment, size, offset, refs, covered)
        for spec, assignment, size, offset in zip(
            model.specs, assignments, sizes, header.offsets, strict=True
        )
    )
    return Plan(
        architecture=model.traits.arch,
        preset=recipe.name,
        effort=identity.effort,
        header=header.data,
        steps=steps,
        size=header.size,
        files=tuple(SourceFile(path, files[path]) for path in sorted(files)),
        notes=(*model.notes, *tokenizer.notes, *(coverage.notes if coverage else ())),
        matrix=None if importance is None else _use(importance),
    )


def _coverage(
    importance: Importance, specs: Sequence[TensorSpec], assignments: Sequence[Assignment]
) -> Coverage:
    """Return how the matrix fits the tensors whose encoders use it."""
    shapes = {
        spec.name: (math.prod(spec.shape[:-2]), spec.shape[-1])
        for spec, assignment in zip(specs, assignments, strict=True)
        if codec.get(assignment.type).weighted
    }
    return cover(importance, shapes, frozenset((*EMBEDDINGS, "output.weight")))


def _use(importance: Importance) -> MatrixUse:
    files = (MatrixFile(file.path.name, file.size, file.digest) for file in importance.files)
    return MatrixUse(tuple(files), importance.include, importance.exclude)


def _matrix_entries(importance: Importance) -> Iterator[Entry]:
    """Give the keys that llama-quantize writes; of the file its name, not where it lies."""
    first = importance.files[0]
    yield Entry("quantize.imatrix.file", "string", _cut(first.path.name))
    if first.datasets:
        yield Entry("quantize.imatrix.dataset", "string", _cut(first.datasets[0]))
    yield Entry("quantize.imatrix.entries_count", "uint32", len(importance.names))
    digests = "".join(file.digest for file in importance.files)
    rules = "\n".join((*importance.include, "-", *importance.exclude))
    digest = hashlib.sha256(f"{digests}\n{rules}".encode()).hexdigest()
    yield Entry(IMATRIX_KEY, "string", digest)
    if chunks := sum(file.chunks for file in importance.files):
        yield Entry("quantize.imatrix.chunks_count", "uint32", chunks)


def _cut(text: str) -> str:
    """Return the text within the 127 bytes that llama.cpp gives such a value."""
    return text.encode()[:_LONGEST].decode(errors="ignore")


def _refuse_starving(recipe: Recipe, names: Sequence[str], importance: Importance | None) -> None:
    """Raise UsageError when tensors would get a type that is noise without importance."""
    if not names:
        return
    if importance is None:
        raise UsageError(
            f"{recipe.name} needs an importance matrix: without it {len(names)} tensors, "
            f"{names[0]} the first, would become noise",
            hint="Give one by --imatrix FILE: `llama-imatrix -m MODEL.gguf -f TEXT.txt` makes it "
            "from a file that `quantcli convert MODEL -t Q8_0` writes. Q2_K and larger types need "
            "none.",
        )
    raise UsageError(
        listed(f"{recipe.name} needs importance data of tensors that the matrix lacks:", names),
        hint="Make the matrix from this model and more text, or take Q2_K or a larger type.",
    )


def _rows(spec: TensorSpec) -> int:
    rows = 1
    for n in spec.shape[:-1]:
        rows *= n
    return rows


def _entries(
    model: Model,
    general: Sequence[Entry],
    tokenizer: TokenizerExport,
    recipe: Recipe,
    identity: Identity,
    importance: Importance | None,
) -> list[Entry]:
    """Return all metadata in the converter's order, quantcli's own keys before the tokenizer's."""
    own = (
        Entry("general.file_type", "uint32", recipe.file_type),
        Entry("general.quantization_version", "uint32", _QUANTIZATION_VERSION),
        Entry("quantcli.version", "string", identity.version),
        Entry("quantcli.preset", "string", recipe.name),
        Entry("quantcli.effort", "string", identity.effort),
        Entry("quantcli.source.digest", "string", identity.source_digest),
        *((Entry(ASSUMED_KEY, "bool", value=True),) if model.assumed else ()),
    )
    matrix = () if importance is None else _matrix_entries(importance)
    # What the architecture's own code says of the vocabulary comes before what the files say.
    said = {entry.key for entry in model.vocab_entries}
    vocabulary = (
        Entry(key, kind, cast("Value", value))
        for key, kind, value in tokenizer.keys
        if key not in said
    )
    return list(chain(general, model.entries, own, matrix, vocabulary, model.vocab_entries))


def _step(
    spec: TensorSpec,
    assignment: Assignment,
    nbytes: int,
    offset: int,
    refs: Mapping[str, TensorRef],
    covered: frozenset[str],
) -> Step:
    return Step(
        name=spec.name,
        role=spec.role,
        layer=spec.layer,
        shape=spec.shape,
        type=assignment.type,
        op=spec.op,
        args=spec.args,
        sources=tuple(refs[name] for name in spec.sources),
        offset=offset,
        nbytes=nbytes,
        fallback=assignment.fallback,
        wanted=assignment.wanted,
        importance=spec.name in covered,
    )
