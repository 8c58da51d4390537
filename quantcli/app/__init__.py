"""The use cases, one a file: what the command line and Python programs call."""

from __future__ import annotations
