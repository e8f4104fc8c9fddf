"""Where the programs are: built by `make` from the two go.mod files, kept below .build/bin."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER = REPOSITORY / ".build/bin"
CRDS = REPOSITORY / ".build/crds"


def binary(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        raise FileNotFoundError(f"there is no {name} in .build/bin: `make mesh-test` builds it")
    return path
