"""One architecture family a module: tables only, found by listing this folder."""
