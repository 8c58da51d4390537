"""How results show themselves in a Python prompt and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape


class Summary:
    """Base of results that hold much: one line as repr, a small table in notebooks."""

    __slots__ = ()

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield the names and values that say what the result is, a dozen at most."""
        raise NotImplementedError  # every result says by itself what matters of it

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self.summary())
        return f"{type(self).__name__}({said})"

    def _repr_html_(self) -> str:
        """Return a table of two columns for notebooks, every text escaped."""
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(_shown(value))}</td></tr>"
            for name, value in self.summary()
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) and value.isprintable() else repr(value)
