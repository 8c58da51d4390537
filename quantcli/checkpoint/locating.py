"""A path that is not there: a model of the Hub, a slip of the pen, or an unexpanded `~`."""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path

from quantcli.errors import CheckpointError

_NAME = r"[A-Za-z0-9][\w.-]*"
# An address of a model's page, of one of its files, or its short forms. pathlib makes one slash of
# two. An id without a host is matched by itself below.
_ADDRESS = re.compile(
    rf"(?:https?:/{{1,2}}(?:www\.)?(?:huggingface\.co|hf\.co)/|hf:/{{1,2}}(?:models/)?|"
    rf"(?:huggingface\.co|hf\.co)/)(?P<id>{_NAME}/{_NAME})"
    rf"(?:/(?:tree|blob|resolve)/(?P<revision>[^/?#]+))?(?:[/?#:].*)?"
)
_ID = re.compile(rf"(?P<id>{_NAME}/{_NAME})")
_MAIN = "main"
_FILES = (".gguf", ".safetensors", ".json", ".bin")


def not_there(path: Path) -> CheckpointError:
    """Return the error for `path`, which does not exist, with what was probably meant."""
    text = str(path)
    if address := _ADDRESS.fullmatch(text):
        return _on_the_hub(text, address["id"], address["revision"])
    if text.startswith("~") and (home := path.expanduser()).exists():
        return CheckpointError(
            "no such folder: ~ is expanded by shells only, and not within quotes",
            where=text,
            hint=f"Give {shlex.quote(str(home))}.",
        )
    if near := _nearest(path):
        return CheckpointError(
            "no such file or folder", where=text, hint=f"Did you mean {shlex.quote(str(near))}?"
        )
    if _ID.fullmatch(text) and not path.parent.exists() and path.suffix not in _FILES:
        return _on_the_hub(text, text, None)
    hint = "Give the folder of a Hugging Face model, or a .safetensors file in it."
    if re.fullmatch(rf"{_NAME}(?:/{_NAME})?", text) and path.suffix not in _FILES:
        hint += f" If {text} is a model of the Hub, download it first: {_download(text, None)}"
    return CheckpointError("no such file or folder", where=text, hint=hint)


def _on_the_hub(text: str, model: str, revision: str | None) -> CheckpointError:
    name = model.rpartition("/")[2]
    return CheckpointError(
        f"no such folder; {model} is a model of the Hugging Face Hub, and quantcli reads local "
        "files only",
        where=text,
        hint=f"Download it, then convert the folder:\n  {_download(model, revision)}\n"
        f"  quantcli convert {name} -t Q4_K_M",
    )


def _download(model: str, revision: str | None) -> str:
    named = f" --revision {shlex.quote(revision)}" if revision not in {None, _MAIN} else ""
    return f"hf download {model}{named} --local-dir {model.rpartition('/')[2]}"


def _nearest(path: Path) -> Path | None:
    """Return the existing path that differs from `path` by a slip in one of its components."""
    known = path
    missing: list[str] = []
    while not known.exists() and known != known.parent:
        missing.append(known.name)
        known = known.parent
    if not missing or not known.is_dir():
        return None
    try:
        siblings = {entry.name.lower(): entry.name for entry in known.iterdir()}
    except OSError:
        return None
    first = missing.pop()
    near = difflib.get_close_matches(first.lower(), siblings, n=1, cutoff=0.75)
    if not near:
        return None
    found = known.joinpath(siblings[near[0]], *reversed(missing))
    return found if found.exists() else None
