"""What a GGUF file should hold: the plan for its checkpoint that the file says it was made by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quantcli import codec
from quantcli._version import __version__
from quantcli.app.overrides import from_file
from quantcli.app.plan import plan_opened
from quantcli.checkpoint import open_checkpoint
from quantcli.container.reader import GgufFile
from quantcli.errors import TokenizerError, UsageError
from quantcli.importance import Importance
from quantcli.planning.plan import ASSUMED_KEY, IMATRIX_KEY, Plan

_FOREIGN_PRESET = "F32"
"""Preset for a file made by something else; its types are its own."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the file should hold.

    Attributes:
        root: folder of the checkpoint.
        plan: the plan for it.
        foreign: whether the file was made by something else, so that types and provenance are its
            own business.
        notes: what was assumed.
        weighted: whether the file was made with an importance matrix.
    """

    root: Path
    plan: Plan
    foreign: bool
    notes: tuple[str, ...]
    weighted: bool = False

    @classmethod
    def of(
        cls,
        file: GgufFile,
        model: Path,
        importance: Importance | None = None,
        *,
        follow_links: bool,
    ) -> Reference:
        """Make the plan that the file says it was made by.

        Without the importance matrix that it was made with, the types are those with one, and
        nothing is said of which tensors have data.

        Raises:
            UsageError: the file is one shard of several.
            InputError: the checkpoint cannot be planned.
        """
        if isinstance(count := file.value("split.count", 0), int) and count > 1:
            raise UsageError(
                f"{file.path} is one of {count} shards", hint="Merge them to compare with a model."
            )
        root = open_checkpoint(model, follow_links=follow_links).root
        preset, effort = file.value("quantcli.preset"), file.value("quantcli.effort")
        notes = []
        if isinstance(preset, str) and isinstance(effort, str):
            if (version := file.value("quantcli.version")) != __version__:
                notes.append(f"made by quantcli {version}, checked by {__version__}")
            plan, more = _plan(file, model, preset, effort, importance, follow_links=follow_links)
            weighted = IMATRIX_KEY in file.entries
            return cls(root, plan, foreign=False, notes=(*notes, *more), weighted=weighted)
        notes.append("not made by quantcli: types, general.* and quantize.* are taken as they are")
        plan, more = _plan(
            file, model, _FOREIGN_PRESET, codec.EFFORTS[0], None, follow_links=follow_links
        )
        return cls(root, plan, foreign=True, notes=(*notes, *more))


def _plan(
    file: GgufFile,
    model: Path,
    preset: str,
    effort: str,
    importance: Importance | None,
    *,
    follow_links: bool,
) -> tuple[Plan, list[str]]:
    name, metadata = from_file(file.entries)
    by_hand = [key for key in ("general.name",) if name is not None] + sorted(metadata)
    notes = [f"set by hand, so taken from the file: {', '.join(by_hand)}"] if by_hand else []

    checkpoint = open_checkpoint(model, follow_links=follow_links)
    arch = file.value("general.architecture") if file.value(ASSUMED_KEY) is True else None

    def planned(pre: str | None = None) -> Plan:
        return plan_opened(
            checkpoint,
            preset,
            effort=effort,
            arch=arch if isinstance(arch, str) else None,
            pre_tokenizer=pre,
            model_name=name,
            metadata=metadata,
            importance=importance,
            assumes_importance=importance is None and IMATRIX_KEY in file.entries,
        )

    try:
        return planned(), notes
    except TokenizerError:
        # The pre-tokenizer may have been named by the user; then the file knows it.
        pre = file.value("tokenizer.ggml.pre")
        if not isinstance(pre, str):
            raise
        return planned(pre), [
            *notes,
            f"the pre-tokenizer is not recognised; {pre} is taken from the file",
        ]
