"""docs/metrics.md, read: each metric with its type, its labels and who writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .promtool import parts
from .queries import Placed
from .shipped import REPOSITORY

PAGE = REPOSITORY / "docs/metrics.md"
TARGET_LABELS = {"namespace", "pod", "container", "instance", "job"}
HISTOGRAM_PARTS = ("_bucket", "_count", "_sum")
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True)
class Metric:
    name: str
    section: str
    kind: str
    """counter, gauge, histogram; empty for what is recorded."""
    labels: frozenset[str]


def documented() -> dict[str, Metric]:
    """By name; the recorded ones spelled out for each window."""
    found, section, columns = {}, "", []
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            section, columns = line[3:], []
        elif line.startswith("| name "):
            columns = _cells(line)
        elif line.startswith("| `") and columns:
            row = dict(zip(columns, _cells(line), strict=True))
            labels = frozenset(label.strip() for label in row["labels"].split(",") if label.strip())
            for name in _names(row["name"].strip("`")):
                found[name] = Metric(name, section, row.get("type", ""), labels)
    return found


def findings(queries: Iterable[Placed], metrics: dict[str, Metric]) -> list[str]:
    """Queries that name a metric which isn't documented, or a label which it doesn't have."""
    queries = list(queries)
    found = []
    for query, made_of in zip(queries, parts([query.expr for query in queries]), strict=True):
        if "error" in made_of:
            found.append(f"{query.place}: {made_of['error']}")
            continue
        known = set(TARGET_LABELS)
        for selector in made_of["selectors"]:
            metric = metrics.get(base(selector["metric"], metrics))
            if metric is None:
                found.append(f"{query.place}: no metric {selector['metric']} (docs/metrics.md)")
                continue
            has = TARGET_LABELS | metric.labels | ({"le"} if selector["metric"].endswith("_bucket") else set())
            known |= has
            found += [f"{query.place}: {selector['metric']} has no label {label}"
                      for label in selector["labels"] if label not in has]
        found += [f"{query.place}: grouped by {label}, which nothing in it has"
                  for label in made_of["grouping"] if label not in known]
    return sorted(set(found))


def base(name: str, metrics: dict[str, Metric]) -> str:
    """A histogram's name for that of its parts."""
    for part in HISTOGRAM_PARTS:
        whole = name.removesuffix(part)
        if whole != name and whole in metrics and metrics[whole].kind == "histogram":
            return whole
    return name


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _names(name: str) -> list[str]:
    return [name.replace("WINDOW", window) for window in WINDOWS] if name.endswith("WINDOW") else [name]
