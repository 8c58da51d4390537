"""`python -m quantcli`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Where `python -m` looks first is the current folder: nothing more is imported from there.
    if sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - importing pathlib is too early
        del sys.path[0]
    from quantcli._entry import main

    main()
