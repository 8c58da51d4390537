"""The presets as the help lists them: computing their sizes would take longer than the help may."""

from __future__ import annotations

SIZES = (
    ("F32", "32.00", "32.1 GB"),
    ("BF16", "16.00", "16.1 GB"),
    ("F16", "16.00", "16.1 GB"),
    ("Q8_0", "8.50", "8.5 GB"),
    ("Q6_K", "6.56", "6.6 GB"),
    ("Q5_1", "6.04", "6.1 GB"),
    ("Q5_K_M", "5.70", "5.7 GB"),
    ("Q5_0", "5.57", "5.6 GB"),
    ("Q5_K_S", "5.57", "5.6 GB"),
    ("Q4_1", "5.10", "5.1 GB"),
    ("Q4_K_M", "4.89", "4.9 GB"),
    ("Q4_K_S", "4.67", "4.7 GB"),
    ("Q4_0", "4.64", "4.7 GB"),
)
"""Preset, bits per weight, size of Llama 3.1 8B, the largest first; a test compares them with
`quantcli.app.presets`."""
TYPES = "Types, their bits per weight and the size of Llama 3.1 8B:\n" + "\n".join(
    f"{name:<7} {bits:>6} {size:>8}" for name, bits, size in SIZES
)
"""A paragraph for the end of a command's help."""
