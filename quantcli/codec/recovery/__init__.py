"""Values that were decoded before are recovered exactly, from the ratios between them."""
