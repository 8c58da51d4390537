"""The presets as the help lists them: computing their sizes would take longer than the help may."""

from __future__ import annotations

SIZES = (
    ("F32", "32.00", "32.1 GB"),
    ("BF16", "16.00", "16.1 GB"),
    ("F16", "16.00", "16.1 GB"),
    ("MXFP4_MOE", "8.50", "8.5 GB"),
    ("Q8_0", "8.50", "8.5 GB"),
    ("Q6_K", "6.56", "6.6 GB"),
    ("Q5_1", "6.04", "6.1 GB"),
    ("Q5_K_M", "5.70", "5.7 GB"),
    ("Q5_0", "5.57", "5.6 GB"),
    ("Q5_K_S", "5.57", "5.6 GB"),
    ("Q4_1", "5.10", "5.1 GB"),
    ("NVFP4", "4.90", "4.9 GB"),
    ("Q4_K_M", "4.89", "4.9 GB"),
    ("IQ4_NL", "4.68", "4.7 GB"),
    ("Q4_K_S", "4.67", "4.7 GB"),
    ("Q4_0", "4.64", "4.7 GB"),
    ("IQ4_XS", "4.46", "4.5 GB"),
    ("Q3_K_L", "4.30", "4.3 GB"),
    ("Q3_K_M", "4.00", "4.0 GB"),
    ("IQ3_M", "3.76", "3.8 GB"),
    ("IQ3_S", "3.66", "3.7 GB"),
    ("Q3_K_S", "3.64", "3.7 GB"),
    ("IQ3_XS", "3.50", "3.5 GB"),
    ("IQ3_XXS", "3.37", "3.4 GB"),
    ("Q2_K", "3.16", "3.2 GB"),
    ("Q2_K_S", "2.97", "3.0 GB"),
    ("IQ2_M", "2.93", "2.9 GB"),
    ("IQ2_S", "2.74", "2.8 GB"),
    ("Q2_0", "2.68", "2.7 GB"),
    ("IQ2_XS", "2.59", "2.6 GB"),
    ("TQ2_0", "2.52", "2.5 GB"),
    ("IQ2_XXS", "2.38", "2.4 GB"),
    ("TQ1_0", "2.19", "2.2 GB"),
    ("IQ1_M", "2.15", "2.2 GB"),
    ("IQ1_S", "2.00", "2.0 GB"),
    ("Q1_0", "1.48", "1.5 GB"),
)
"""Preset, bits per weight, size of Llama 3.1 8B, the largest first; a test compares them with
`quantcli.app.presets`."""
TYPES = "Types, their bits per weight and the size of Llama 3.1 8B:\n" + "\n".join(
    f"{name:<9} {bits:>6} {size:>8}" for name, bits, size in SIZES
)
"""A paragraph for the end of a command's help."""
