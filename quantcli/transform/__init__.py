"""Pure tensor operations that the architecture tables name; each yields any range of its rows."""

from __future__ import annotations

from quantcli.transform.registry import get, names
from quantcli.transform.transform import Arg, Args, FloatArray, Load, Shape, Transform

__all__ = ["Arg", "Args", "FloatArray", "Load", "Shape", "Transform", "get", "names"]
