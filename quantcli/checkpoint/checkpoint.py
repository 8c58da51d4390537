"""A model as the user has it: safetensors files beside config.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from quantcli.checkpoint.consolidated import config_name, read_config
from quantcli.checkpoint.contents import flag_note, refuse_contents
from quantcli.checkpoint.folder import refuse_strays
from quantcli.checkpoint.foreign import (
    refuse_foreign_file,
    refuse_foreign_folder,
    without_config,
    without_weights,
)
from quantcli.checkpoint.locating import not_there
from quantcli.checkpoint.modules import dense_files, renamed
from quantcli.checkpoint.pointers import is_pointer, refuse_pointers
from quantcli.checkpoint.reader import TensorReader
from quantcli.checkpoint.safetensors_file import read_header
from quantcli.checkpoint.selection import Selection, select
from quantcli.checkpoint.source import FloatArray, TensorRef
from quantcli.errors import CheckpointError, enumerated, listed

_TOKENIZER = "tokenizer.json"
# Small files that a conversion may read; any of them can be a Git LFS pointer.
_SMALL = (
    *("*.json", "*.jsonl", "*.model", "*.model.v*", "*.tiktoken", "*.txt", "*.jinja"),
    "*_Pooling/config.json",
)


class Checkpoint:
    """A checkpoint whose headers have been checked; no tensor byte is read before `rows`.

    Attributes:
        root: the model's folder.
        config: config.json, or what Mistral's own format has instead, in the same words.
        files: path relative to root → size in bytes, of every file that identifies the tensors:
            config.json, the index and the safetensors files.
        notes: what was decided about the files.
    """

    def __init__(
        self,
        root: Path,
        config: Mapping[str, Any],
        refs: Mapping[str, TensorRef],
        files: Mapping[str, int],
        notes: tuple[str, ...] = (),
    ) -> None:
        self.root = root
        self.config = config
        self.refs = refs
        self.files = files
        self.notes = notes
        self._reader = TensorReader(root)

    def names(self) -> tuple[str, ...]:
        """Return all tensor names: files in order of their names, each in its header's order."""
        return tuple(self.refs)

    def ref(self, name: str) -> TensorRef:
        """Return where the tensor `name` lies.

        Raises:
            CheckpointError: there is no such tensor.
        """
        try:
            return self.refs[name]
        except KeyError:
            raise CheckpointError(f"has no tensor {name!r}", where=str(self.root)) from None

    def rows(self, name: str, start: int, stop: int) -> FloatArray:
        """Return rows [start, stop) of the tensor seen as (rows, columns), as float32."""
        return self._reader.rows(self.ref(name), start, stop)


def open_checkpoint(path: Path, *, follow_links: bool = False) -> Checkpoint:
    """Open a model's folder, or a single .safetensors file beside its config.json.

    Args:
        path: the folder or the file.
        follow_links: whether links may lead out of the folder.

    Raises:
        ConfigError: config.json or the index is missing or not readable.
        CheckpointError: there is no such path; it is recognisably something else; there are no
            safetensors files, one of them is broken or missing; the tensors are quantized, an
            adapter's, or empty; a file is none, or a link out of the folder.
    """
    checkpoint = read_checkpoint(path, follow_links=follow_links)
    refuse_contents(checkpoint.root, checkpoint.config, checkpoint.refs)
    return checkpoint


def read_checkpoint(path: Path, *, follow_links: bool = False) -> Checkpoint:
    """Open as `open_checkpoint` does, whatever the tensors are, to look into it.

    Raises:
        ConfigError, CheckpointError: as `open_checkpoint`, but for what the tensors are.
    """
    try:
        root, config, selection = _select(path, follow_links=follow_links)
    except OSError as error:
        raise CheckpointError(f"cannot be read: {error.strerror}", where=str(path)) from error
    dense = dense_files(root)
    refuse_pointers(root, (*selection.files, *dense))
    headers = {file: read_header(root, file) for file in selection.files}
    refs, notes = _merge(root, headers, selection)
    refs |= renamed({file: read_header(root, file) for file in dense})
    index = [selection.index] if selection.index else []
    identifying = [config_name(root), *index, *selection.files, *dense]
    return Checkpoint(
        root,
        config,
        refs,
        {file: (root / file).stat().st_size for file in identifying},
        (*selection.notes, *notes, *flag_note(root, config, refs)),
    )


def _select(path: Path, *, follow_links: bool) -> tuple[Path, dict[str, Any], Selection]:
    """Return the folder, config.json and the files of weights."""
    if not path.exists():
        raise not_there(path)
    if not path.is_dir():
        refuse_foreign_file(path)
        root = path.parent
        selection: Selection | None = Selection((path.name,))
    else:
        root, selection = path, None
    refuse_strays(root, follow_links=follow_links)
    refuse_foreign_folder(root)
    refuse_pointers(root, _small_files(root))
    config = read_config(root)
    selection = selection or select(root, config or {})
    if selection is None:
        raise without_weights(root)
    if config is None:
        raise without_config(root)
    return root, config, selection


def _small_files(root: Path) -> list[str]:
    found = {path for pattern in _SMALL for path in root.glob(pattern)}
    if root / _TOKENIZER in found and not is_pointer(root / _TOKENIZER):
        # It has everything; a SentencePiece model beside it only counts when it can be read.
        found = {path for path in found if ".model" not in path.suffixes}
    return sorted(str(path.relative_to(root)) for path in found)


def _merge(
    root: Path, headers: Mapping[str, tuple[TensorRef, ...]], selection: Selection
) -> tuple[dict[str, TensorRef], tuple[str, ...]]:
    """Return all tensors by name, and notes on where the files and the index do not agree.

    Under an index the last file counts for a tensor in two of them, as in transformers.
    """
    refs: dict[str, TensorRef] = {}
    doubled = []
    for file, members in headers.items():
        for ref in members:
            if ref.name in refs:
                doubled.append(f"{ref.name!r} in {refs[ref.name].file} and {file}")
            refs[ref.name] = ref
    if doubled and selection.index is None:
        raise CheckpointError(
            listed("tensors that are in two files:", doubled),
            where=str(root),
            hint="Remove the files that do not belong to this model.",
        )
    named = selection.weight_map
    if named is None:
        return refs, ()
    notes = (
        _note("two files hold these tensors, the last counts", doubled),
        _note(
            "the index names tensors that no file holds",
            (repr(name) for name in named if name not in refs),
        ),
        _note(
            "files hold tensors that the index does not name, which are read all the same",
            (repr(name) for name in refs if name not in named),
        ),
    )
    return refs, tuple(note for note in notes if note)


def _note(what: str, tensors: Iterable[str]) -> str:
    named = enumerated(tensors)
    return f"{what}: {named}" if named else ""
