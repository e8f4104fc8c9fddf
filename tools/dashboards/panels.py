"""The words in which dashboards are written here: rows of panels, panels of queries."""

from __future__ import annotations

from dataclasses import dataclass

STAT, GRAPH = "stat", "graph"

SHORT, SHARE, MILLISECONDS, BYTES, DOLLARS = "short", "percentunit", "ms", "bytes", "currencyUSD"
PER_SECOND, PER_MINUTE, DAYS = "reqps", "cpm", "d"


@dataclass(frozen=True)
class Query:
    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    title: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = GRAPH
    stacked: bool = False
    description: str = ""


@dataclass(frozen=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A choice over the dashboard. All values of `label` on `metric`, or one of them."""

    name: str
    metric: str
    label: str
    has_all: bool = True


@dataclass(frozen=True)
class Dashboard:
    name: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]


def stat(title: str, unit: str, expr: str, description: str = "") -> Panel:
    return Panel(title, unit, (Query(expr),), STAT, description=description)


def graph(title: str, unit: str, *queries: tuple[str, str], stacked: bool = False, description: str = "") -> Panel:
    """One line, or with labels in the legend many, for each query and its legend."""
    return Panel(title, unit, tuple(Query(*query) for query in queries), GRAPH, stacked, description)
