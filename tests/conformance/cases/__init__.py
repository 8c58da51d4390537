"""One module for each GGUF architecture; each defines `CASES`, and nothing else is registered."""
