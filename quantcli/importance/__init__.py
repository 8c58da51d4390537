"""Importance matrices: how much each input column of a weight matrix matters, measured on text."""

from __future__ import annotations

from quantcli.importance.coverage import Coverage, cover
from quantcli.importance.encoding import MatrixSource, Weighing, encode_rows
from quantcli.importance.matrix import Importance, read_imatrix

__all__ = [
    "Coverage",
    "Importance",
    "MatrixSource",
    "Weighing",
    "cover",
    "encode_rows",
    "read_imatrix",
]
