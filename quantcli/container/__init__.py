"""GGUF bytes: the header of a file to write, and a checked reader of files from anywhere."""
