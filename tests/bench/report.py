"""The figures of all runs as a table to read and as JSON to compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median

from .bench import Result
from .measure import Run


QUIET = 0.03
"""Share of the core that others may take in half of the runs."""

SATURATED = 0.15
"""Share of the core that may be idle in half of the runs."""


@dataclass(frozen=True)
class Spread:
    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        values = list(values)
        return cls(median(values), min(values), max(values))

    def text(self, digits: int) -> str:
        return f"{self.median:.{digits}f} ({self.min:.{digits}f}..{self.max:.{digits}f})"


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    key: str
    title: str
    microseconds: Spread
    bare_microseconds: Spread
    ratio: Spread
    ratio_to_plain: float | None
    """Reckoned: the row's ratio to bare, by plain's."""
    marginal_microseconds: float | None
    over: str | None
    runs: list[Run]
    """The raw counts, for a reader of the JSON."""


@dataclass(frozen=True)
class Conditions:
    machine: str
    versions: str
    envoy_core: int
    load_core: int
    runs: int
    window_seconds: float
    connections: int
    request_bytes: int
    answer_bytes: int


@dataclass(frozen=True)
class Report:
    conditions: Conditions
    lines: list[Line]
    bare_microseconds: float
    """The median of all runs of all rows: the unit of the marginal costs."""
    noise_microseconds: float | None
    """The farthest that two bare Envoys were apart in a run; a smaller difference says nothing."""
    disturbed: Spread
    """Share of the Envoys' core that other processes and the machine's host took in a run."""
    idle: Spread

    def json(self) -> dict:
        return asdict(self)


def make(results: list[Result], conditions: Conditions) -> Report:
    runs = [run for result in results for run in result.runs]
    bare = median(run.bare.microseconds for run in runs)
    ratios = {result.row.key: Spread.of(run.ratio for run in result.runs) for result in results}
    noise = ratios.get("aa")
    return Report(
        conditions,
        [_line(result, ratios, bare) for result in results],
        bare_microseconds=bare,
        noise_microseconds=noise and bare * max(abs(noise.min - 1), abs(noise.max - 1)),
        disturbed=Spread.of(run.others + run.stolen for run in runs),
        idle=Spread.of(run.idle for run in runs),
    )


def _line(result: Result, ratios: dict[str, Spread], bare: float) -> Line:
    """Marginal costs are differences of ratios, in units of bare's own cost: rows are measured one after the other,
    and a machine that is slower for a minute would shift differences of microseconds."""
    row, ratio = result.row, ratios[result.row.key]
    marginal = None
    if row.over is not None:
        base = 1.0 if row.over == "bare" else ratios[row.over].median
        marginal = (ratio.median - base) * bare
    plain = ratios.get("plain")
    return Line(
        row.key, row.title, _microseconds(result.runs, "under_test"), _microseconds(result.runs, "bare"), ratio,
        plain and ratio.median / plain.median, marginal, row.over, result.runs,
    )


def _microseconds(runs: list[Run], side: str) -> Spread:
    return Spread.of(getattr(run, side).microseconds for run in runs)


def text(report: Report) -> str:
    return "\n".join([*_head(report.conditions), "", *_table(report.lines), "", *_foot(report)])


def _head(c: Conditions) -> list[str]:
    return [
        f"CPU (user + system) of the Envoy process for each request, {c.runs} paired runs of {c.window_seconds:g} s: "
        "median (min..max)",
        f"{c.machine}; {c.versions}",
        f"both Envoys of a pair on core {c.envoy_core}, nginx and two wrk with {c.connections} connections each on "
        f"core {c.load_core}; request {c.request_bytes} bytes, answer {c.answer_bytes}",
        "bare = the gateway's own resources without our filters; its access log stays, as in every row but the first",
    ]


def _table(lines: list[Line]) -> list[str]:
    cells = [("", "µs/request", "bare alongside", "× bare", "× plain", "marginal µs"), *map(_cells, lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
            for row in cells]


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.title,
        line.microseconds.text(1),
        line.bare_microseconds.text(1),
        line.ratio.text(3),
        "" if line.ratio_to_plain is None else f"{line.ratio_to_plain:.2f}",
        "" if line.marginal_microseconds is None else f"{line.marginal_microseconds:+.1f} over {line.over}",
    )


def _foot(report: Report) -> list[str]:
    lines = [f"bare: {report.bare_microseconds:.1f} µs, median of all runs; marginal costs are differences of "
             "ratios times this"]
    if report.noise_microseconds is not None:
        lines.append(f"noise: bare against bare differed by up to {report.noise_microseconds:.1f} µs in a run; "
                     "a smaller difference says nothing")
    lines.append(f"the Envoys' core: {_percent(report.disturbed)} taken by others, {_percent(report.idle)} idle")
    if report.disturbed.median > QUIET:
        lines.append("WARNING: the machine wasn't quiet; run it again before you quote a figure")
    if report.idle.median > SATURATED:
        lines.append("WARNING: the load was the limit, not the Envoys; the scheduler didn't share the core evenly")
    return lines


def _percent(share: Spread) -> str:
    return f"{share.median:.1%} (at most {share.max:.1%})"
