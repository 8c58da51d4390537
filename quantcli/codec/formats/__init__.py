"""One block format per module; each defines `CODEC`."""
