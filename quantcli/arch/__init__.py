"""Architectures as tables, and what a table makes of a checkpoint's headers."""

from __future__ import annotations

from quantcli.arch.architecture import Entry, Model, TensorSpec, Traits
from quantcli.arch.fitting import expand_or_advise as expand

__all__ = ["Entry", "Model", "TensorSpec", "Traits", "expand"]
