"""The plan's interpreter: workers, positional writes, journal, atomic publish."""

from __future__ import annotations
