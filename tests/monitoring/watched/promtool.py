"""Prometheus' own tools, built from their Go module (see prometheus/go.mod)."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .shipped import REPOSITORY

BIN = Path(os.environ.get("MONITORING_BIN", REPOSITORY / ".build/bin"))
SECONDS = 120


def promtool(*arguments: str | Path) -> tuple[bool, str]:
    """Whether it is content, and what it said."""
    done = subprocess.run([str(BIN / "promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def parts(queries: Sequence[str]) -> list[dict]:
    """What each query is made of: `error`, or `selectors` and `grouping` (prometheus/promql-parts)."""
    return list(_parts(tuple(queries)))


@functools.cache
def _parts(queries: tuple[str, ...]) -> tuple[dict, ...]:
    done = subprocess.run([str(BIN / "promql-parts")], input=json.dumps(queries), capture_output=True, text=True,
                          timeout=SECONDS, check=True)
    return tuple(json.loads(done.stdout))
