"""The machine under the benchmark: its cores, what it is, and how much of a core others take."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
"""Of the kernel's clock, a second: the unit of utime and stime."""


@dataclass(frozen=True)
class Cores:
    """The core of the Envoys under test, and that of everything else."""

    envoy: int
    load: int


class TooFewCores(Exception):
    pass


def choose_cores() -> Cores:
    """The last core for the Envoys: interrupts mostly go to the first."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise TooFewCores("the benchmark needs two cores: one for the Envoys, one for the load and the upstream")
    return Cores(envoy=usable[-1], load=usable[0])


@dataclass(frozen=True)
class CoreTime:
    """Seconds of a core since the machine started."""

    busy: float
    """Spent by any process or interrupt."""
    stolen: float
    """Taken by the host of a virtual machine."""


def core_time(core: int) -> CoreTime:
    """From /proc/stat: user nice system idle iowait irq softirq steal."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, ticks[:8])
            return CoreTime((user + nice + system + irq + softirq) / TICKS, steal / TICKS)
    raise OSError(f"/proc/stat has no core {core}")


def description() -> str:
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
