"""`python -m tools.dashboards` writes the dashboards into monitoring/base; with `--check` it only compares."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import ai_overview, gateway_health
from .manifests import written

DASHBOARDS = (ai_overview.DASHBOARD, gateway_health.DASHBOARD)
FOLDER = Path(__file__).resolve().parents[2] / "monitoring/base"


def main() -> int:
    options = argparse.ArgumentParser(prog="tools.dashboards", description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; fail when a file isn't what the source gives")
    options.add_argument("--folder", type=Path, default=FOLDER, help="where the files are")
    chosen = options.parse_args()
    stale = []
    for name, text in written(DASHBOARDS).items():
        file = chosen.folder / name
        if file.exists() and file.read_text() == text:
            continue
        stale.append(name)
        if not chosen.check:
            file.write_text(text)
            print(f"written: {name}")
    if chosen.check and stale:
        print("\n".join(f"{name} is not what tools/dashboards gives: run `make dashboards`" for name in stale))
        return 1
    return 0


sys.exit(main())
