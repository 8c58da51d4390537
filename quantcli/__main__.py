"""`python -m quantcli`."""

from __future__ import annotations

from quantcli.cli import main

if __name__ == "__main__":
    main()
