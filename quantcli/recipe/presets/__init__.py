"""One preset a module, each with its RECIPE."""

from __future__ import annotations
