"""Building a plan: pure, from what the model is to every byte's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

from quantcli import codec
from quantcli.arch.architecture import Entry, Model, TensorSpec, Value
from quantcli.checkpoint.source import TensorRef
from quantcli.container.header import build_header
from quantcli.errors import UsageError
from quantcli.planning.plan import ASSUMED_KEY, Plan, SourceFile, Step
from quantcli.recipe import Assignment, Recipe, assign, starving
from quantcli.tokenizer import TokenizerExport

# Version of the block formats, as llama.cpp's quantizer writes it.
_QUANTIZATION_VERSION = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """What ends up in the `quantcli.*` keys besides the preset.

    Attributes:
        version: of quantcli.
        source_digest: of the checkpoint, see `quantcli.checkpoint.fingerprint`.
        effort: of the encoders.
    """

    version: str
    source_digest: str
    effort: str


def build(
    model: Model,
    *,
    general: Sequence[Entry],
    tokenizer: TokenizerExport,
    recipe: Recipe,
    refs: Mapping[str, TensorRef],
    files: Mapping[str, int],
    identity: Identity,
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

    Raises:
        UsageError: the preset gives tensors a type that needs an importance matrix.
        ContainerError: a name or a value that the format cannot hold.
    """
    dtypes = {name: ref.dtype for name, ref in refs.items()}
    assignments = assign(recipe, model.traits, model.specs, dtypes)
    _refuse_starving(recipe, starving(recipe, model.specs, assignments))
    codecs = [codec.get(assignment.type) for assignment in assignments]
    sizes = [
        kind.row_bytes(spec.shape[-1]) * _rows(spec)
        for kind, spec in zip(codecs, model.specs, strict=True)
    ]
    header = build_header(
        _entries(model, general, tokenizer, recipe, identity),
        [
            (spec.name, spec.shape, kind.ggml_type, size)
            for spec, kind, size in zip(model.specs, codecs, sizes, strict=True)
        ],
    )
    steps = tuple(
        _step(spec, assignment, size, offset, refs)
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
        notes=(*model.notes, *tokenizer.notes),
    )


def _refuse_starving(recipe: Recipe, names: Sequence[str]) -> None:
    """Raise UsageError when tensors would get a type that is noise without importance."""
    if names:
        raise UsageError(
            f"{recipe.name} needs an importance matrix: without it {len(names)} tensors, "
            f"{names[0]} the first, would become noise",
            hint="Take Q2_K or a larger type, which need none.",
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
    vocabulary = (Entry(key, kind, cast("Value", value)) for key, kind, value in tokenizer.keys)
    return list(chain(general, model.entries, own, vocabulary, model.vocab_entries))


def _step(
    spec: TensorSpec,
    assignment: Assignment,
    nbytes: int,
    offset: int,
    refs: Mapping[str, TensorRef],
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
    )
