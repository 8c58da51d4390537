"""Tiny checkpoints of every architecture, and what other programs compute from them.

`scripts/conformance.py` is the command. The folder `cases` has a module for each architecture.
"""
