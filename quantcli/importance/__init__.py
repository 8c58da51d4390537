"""Importance matrices: how much each input column of a weight matrix matters, measured on text."""

from __future__ import annotations

from quantcli.importance.coverage import Coverage, cover
from quantcli.importance.matrix import Importance, read_imatrix

__all__ = ["Coverage", "Importance", "cover", "read_imatrix"]
