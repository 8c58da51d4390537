"""The frozen plan and its builder."""

from __future__ import annotations
