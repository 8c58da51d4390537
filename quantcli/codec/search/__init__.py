"""The searches that formats share: scales, super-blocks, lattices, codebooks, ternary, FP4."""
