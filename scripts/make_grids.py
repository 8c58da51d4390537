"""Write the point sets of the lattice formats to quantcli/codec/grids, from the `gguf` package.

    python scripts/make_grids.py

The points are part of the file format: every program that reads these tensor types holds the same
tables. They are stored once as int8 arrays (points, dimension).
"""

from __future__ import annotations

from pathlib import Path

import gguf.quants
import numpy as np

FOLDER = Path(__file__).parent.parent / "quantcli" / "codec" / "grids"
NAMES = ("IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")  # IQ1_M shares IQ1_S's


def main() -> None:
    """Write one file per type."""
    for name in NAMES:
        kind = getattr(gguf.quants, name)
        kind.init_grid()
        points = kind.grid[0, 0]
        stored = points.astype(np.int8)
        if not np.array_equal(stored, points):
            raise SystemExit(f"{name}: points are not small integers")
        path = FOLDER / f"{name.lower()}.npy"
        np.save(path, stored)
        print(f"{path.name}: {len(stored)} points of dimension {stored.shape[1]}")


if __name__ == "__main__":
    main()
