"""What a shell completes: values of options, found without importing numpy."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from pathlib import Path

EFFORTS = ("fast", "normal", "best")
"""As `quantcli.codec.EFFORTS`, whose module is slow to import; a test compares them."""
_PRESETS = Path(__file__).parents[1] / "recipe" / "presets"


def presets(incomplete: str) -> list[str]:
    """Return the presets that begin so, in any case; each is a module named like it."""
    return _beginning(
        incomplete, (module.name.upper() for module in pkgutil.iter_modules([str(_PRESETS)]))
    )


def efforts(incomplete: str) -> list[str]:
    """Return the efforts that begin so."""
    return _beginning(incomplete, EFFORTS)


def pre_tokenizers(incomplete: str) -> list[str]:
    """Return llama.cpp's names of pre-tokenizers that begin so."""
    from quantcli.tokenizer import PRETOKENIZERS

    return _beginning(incomplete, sorted(PRETOKENIZERS))


def architectures(incomplete: str) -> list[str]:
    """Return the GGUF names of architectures that begin so."""
    from quantcli.arch.registry import architectures as known

    return _beginning(incomplete, [table.name for table in known()])


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    """Return the names that begin with what is typed, in the case that it is typed in.

    A shell drops proposals that do not begin with the very letters on its line.
    """
    small = incomplete != "" and incomplete == incomplete.lower()
    shown = (name.lower() if small else name for name in names)
    return [name for name in shown if name.startswith(incomplete)]
