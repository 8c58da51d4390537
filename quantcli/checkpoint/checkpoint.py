"""A model as the user has it: safetensors files beside config.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from quantcli.checkpoint.json_file import read_json, read_object
from quantcli.checkpoint.reader import TensorReader
from quantcli.checkpoint.safetensors_file import read_header
from quantcli.checkpoint.source import FloatArray, TensorRef
from quantcli.errors import CheckpointError, ConfigError

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"


class Checkpoint:
    """A checkpoint whose headers have been checked; no tensor byte is read before `rows`.

    Attributes:
        root: the model's folder.
        config: config.json.
        files: path relative to root → size in bytes, of every file that identifies the tensors:
            config.json, the index and the safetensors files.
    """

    def __init__(
        self,
        root: Path,
        config: Mapping[str, Any],
        refs: Mapping[str, TensorRef],
        files: Mapping[str, int],
    ) -> None:
        self.root = root
        self.config = config
        self.refs = refs
        self.files = files
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


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a model's folder, or a single .safetensors file beside its config.json.

    Raises:
        ConfigError: config.json or the index is missing or not readable.
        CheckpointError: there are no safetensors files, one of them is broken, or index and files
            do not agree.
    """
    if path.is_file() and path.suffix == ".safetensors":
        root, shards, index = path.parent, [path.name], None
    elif path.is_dir():
        root = path
        index = _read_index(root)
        shards = _shards(root, index)
    else:
        raise CheckpointError(
            "neither a folder nor a .safetensors file" if path.exists() else "no such folder",
            where=str(path),
            hint="Give the folder of a Hugging Face model, or a .safetensors file in it.",
        )
    config = read_object(root, CONFIG)
    refs = _merge(root, {shard: read_header(root, shard) for shard in shards})
    if index is not None:
        _compare(root, index, refs)
    identifying = [CONFIG, *([INDEX] if index is not None else []), *shards]
    return Checkpoint(
        root, config, refs, {file: (root / file).stat().st_size for file in identifying}
    )


def _read_index(root: Path) -> dict[str, str] | None:
    """Return tensor name → shard from the index, or None when there is none."""
    if not (root / INDEX).exists():
        return None
    index = read_json(root, INDEX)
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise ConfigError("has no weight_map", where=str(root / INDEX))
    outside = sorted({repr(file) for file in weight_map.values() if not _is_inside(file)})
    if outside:
        raise CheckpointError(
            f"names files outside the model's folder: {', '.join(outside)}",
            where=str(root / INDEX),
            hint="Such an index is broken or hostile; nothing was read from there.",
        )
    return weight_map


def _is_inside(file: object) -> bool:
    if not isinstance(file, str) or "\\" in file or "\0" in file:
        return False
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and path.suffix == ".safetensors"


def _shards(root: Path, index: Mapping[str, str] | None) -> list[str]:
    if index is not None:
        shards = sorted(set(index.values()))
        missing = [shard for shard in shards if not (root / shard).is_file()]
        if missing:
            raise CheckpointError(
                f"names files that are not there: {', '.join(missing)}",
                where=str(root / INDEX),
                hint="The download is incomplete: fetch the missing files.",
            )
        return shards
    shards = sorted(file.name for file in root.glob("model*.safetensors"))
    if not shards:
        raise CheckpointError(
            "has no model*.safetensors", where=str(root), hint=_no_shards_hint(root)
        )
    return shards


def _no_shards_hint(root: Path) -> str:
    if any(root.glob("pytorch_model*.bin")):
        return "It has pytorch_model*.bin only; save the model as safetensors first."
    if any(root.glob("*.safetensors")):
        return "Give the path of the .safetensors file itself."
    return "Give the folder of a Hugging Face model."


def _merge(root: Path, shards: Mapping[str, tuple[TensorRef, ...]]) -> dict[str, TensorRef]:
    refs: dict[str, TensorRef] = {}
    doubled = []
    for shard, members in shards.items():
        for ref in members:
            if ref.name in refs:
                doubled.append(f"{ref.name!r} in {refs[ref.name].file} and {shard}")
            refs[ref.name] = ref
    if doubled:
        raise CheckpointError(
            "\n  ".join(["tensors that are in two files:", *doubled]),
            where=str(root),
            hint="Remove the files that do not belong to this model.",
        )
    return refs


def _compare(root: Path, index: Mapping[str, str], refs: Mapping[str, TensorRef]) -> None:
    problems = [f"{name!r}: not in any file" for name in index if name not in refs]
    problems += [
        f"{name!r}: in {ref.file}, not in the index"
        for name, ref in refs.items()
        if name not in index
    ]
    problems += [
        f"{name!r}: the index says {file}, it is in {refs[name].file}"
        for name, file in index.items()
        if name in refs and refs[name].file != str(PurePosixPath(file))
    ]
    if problems:
        raise CheckpointError(
            "\n  ".join(["the index and the files do not agree on these tensors:", *problems]),
            where=str(root / INDEX),
            hint="Files of different versions lie together: download the model again.",
        )
