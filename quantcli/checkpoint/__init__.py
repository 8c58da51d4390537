"""What the user has: safetensors files beside config.json, checked and read in row ranges."""

from __future__ import annotations

from quantcli.checkpoint.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from quantcli.checkpoint.reader import BoundLoad, TensorReader
from quantcli.checkpoint.source import TensorRef, TensorSource

__all__ = [
    "BoundLoad",
    "Checkpoint",
    "TensorReader",
    "TensorRef",
    "TensorSource",
    "open_checkpoint",
    "read_checkpoint",
]
