"""One paired run: an Envoy under test and the bare one, loaded at the same moment on the same core.

Whatever disturbs the core disturbs both, so their ratio is steadier than either figure.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from . import load, machine, process
from .chat import Traffic
from .envoy import Envoy, Served
from .machine import Cores
from .process import Cpu


class Invalid(Exception):
    """The run's figures mean something else than the table says."""


@dataclass(frozen=True)
class Timing:
    settle: float
    """Seconds of load before the measurement: connections open, caches warm, V8 done with its second compiler."""
    window: float
    """Seconds that are measured."""


@dataclass(frozen=True)
class Side:
    """What one Envoy did within the window."""

    served: Served
    cpu: Cpu

    @property
    def microseconds(self) -> float:
        """CPU time of the whole process for each request that it answered."""
        return self.cpu.total * 1e6 / self.served.answered


@dataclass(frozen=True)
class Run:
    under_test: Side
    bare: Side
    others: float
    """Share of the Envoys' core that neither of them used, and that wasn't idle."""
    stolen: float
    """Share of it that the host of a virtual machine took."""
    idle: float
    """Share of it that nobody used: much of it means that the load was the limit."""

    @property
    def ratio(self) -> float:
        return self.under_test.microseconds / self.bare.microseconds


@dataclass(frozen=True)
class Pair:
    under_test: Envoy
    bare: Envoy
    cores: Cores

    def run(self, template: load.Template, traffic: Traffic, first_serial: int, timing: Timing) -> Run:
        both = (self.under_test, self.bare)
        before = [envoy.served() for envoy in both]
        with load.running([envoy.address for envoy in both], template, traffic, first_serial,
                          self.cores.load) as running:
            time.sleep(timing.settle)
            run = self._window(timing.window)
            running.stop()
        for envoy, earlier in zip(both, before):
            _require_good_answers(envoy.served() - earlier)
            _require_pinned(envoy, self.cores.envoy)
        return run

    def _window(self, seconds: float) -> Run:
        start = _Moment.now(self)
        time.sleep(seconds)
        end = _Moment.now(self)
        sides = [Side(later.served - earlier.served, later.cpu - earlier.cpu)
                 for earlier, later in zip(start.sides, end.sides)]
        elapsed = end.at - start.at
        ours = sum(side.cpu.total for side in sides) / elapsed
        busy = (end.core.busy - start.core.busy) / elapsed
        stolen = (end.core.stolen - start.core.stolen) / elapsed
        return Run(*sides, others=max(0.0, busy - ours), stolen=stolen, idle=max(0.0, 1.0 - busy - stolen))


@dataclass(frozen=True)
class _Moment:
    """All counters, read in the same order at both ends of a window: what the reading takes falls out."""

    sides: tuple[Side, Side]
    core: machine.CoreTime
    at: float

    @classmethod
    def now(cls, pair: Pair) -> _Moment:
        sides = tuple(Side(envoy.served(), process.cpu(envoy.pid)) for envoy in (pair.under_test, pair.bare))
        return cls(sides, machine.core_time(pair.cores.envoy), time.monotonic())


def _require_good_answers(served: Served) -> None:
    if served.answered == 0:
        raise Invalid("Envoy counted no request")
    if served.well != served.answered:
        raise Invalid(f"{served.answered - served.well} of {served.answered} answers had another status than 2xx")


def _require_pinned(envoy: Envoy, core: int) -> None:
    if not process.is_pinned(envoy.pid, core):
        raise Invalid(f"a thread of Envoy left core {core}")
