"""quantcli turns a Hugging Face checkpoint straight into a quantized GGUF file."""

from __future__ import annotations

from quantcli._version import __version__

__all__ = ["__version__"]
