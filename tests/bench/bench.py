"""The whole measurement: every row against one bare gateway that runs throughout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from . import chat, gateway, load, plain, tokens
from .chat import Credential
from .envoy import Envoy
from .gateway import Setting
from .measure import Invalid, Pair, Run, Timing
from .rows import BARE, Row
from .say import say

WARM_UP = Timing(settle=0.0, window=3.0)
"""Once for each gateway, thrown away: V8 compiles what runs often a second time."""

SERIALS_OF_A_RUN = 1_000_000_000
"""Two runs on one gateway share no request."""

FEW = 0.01
"""Requests that the upstream may have seen or missed otherwise than the row says: those in flight, the first one."""


@dataclass(frozen=True)
class Result:
    row: Row
    runs: list[Run]


@dataclass(frozen=True)
class Plan:
    rows: tuple[Row, ...]
    runs: int
    timing: Timing


def measure(plan: Plan, setting: Setting, folder: Path) -> Iterator[Result]:
    """The results as they come. `folder` is for configurations and logs, and empty."""
    say("starting the bare gateway")
    with gateway.serving(BARE, Credential.KEY, setting, folder / "bare") as bare:
        for number, ((plugins, credential), rows) in enumerate(groupby(plan.rows, Row.gateway)):
            rows = list(rows)
            say(f"starting {rows[0].title}")
            with _under_test(plugins, credential, setting, folder / f"under-test-{number}") as envoy:
                pair = Pair(envoy, bare, setting.cores)
                yield from _results(pair, rows, plan, setting, folder)


def _under_test(plugins: frozenset[str] | None, credential: Credential, setting: Setting,
                folder: Path) -> AbstractContextManager[Envoy]:
    return plain.serving(setting, folder) if plugins is None else gateway.serving(plugins, credential, setting, folder)


def _credentials(credential: Credential, setting: Setting) -> list[str]:
    match credential:
        case Credential.KEY:
            return [setting.key]
        case Credential.TOKEN:
            return tokens.pool(1)
        case Credential.TOKENS:
            return tokens.pool(tokens.MANY)


def _results(pair: Pair, rows: list[Row], plan: Plan, setting: Setting, folder: Path) -> Iterator[Result]:
    serial = 0
    for row in rows:
        template = load.Template.written(folder, row.key, chat.request(row.traffic),
                                         _credentials(row.traffic.credential, setting))
        runs = []
        for timing in (WARM_UP, *[plan.timing] * plan.runs):
            run = pair.run(template, row.traffic, serial, timing)
            serial += SERIALS_OF_A_RUN
            if timing is not WARM_UP:
                _require_expected_upstream(row, run)
                say(f"{row.title}: {run.under_test.microseconds:.1f} µs, {run.ratio:.3f} × bare")
                runs.append(run)
        yield Result(row, runs)


def _require_expected_upstream(row: Row, run: Run) -> None:
    """A row of misses with hits in it, or one of hits with misses, is a row of nothing."""
    share = run.under_test.served.upstream / run.under_test.served.answered
    if abs(share - (0.0 if row.repeats else 1.0)) > FEW:
        raise Invalid(f"{row.title}: {share:.1%} of the answers came from the upstream")
