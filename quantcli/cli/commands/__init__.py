"""The commands, one a file; each registers itself."""

from __future__ import annotations
