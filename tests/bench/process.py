"""Processes of the benchmark: started on a core, measured, and ended by their own id.

Linux only, since affinity and CPU time come from the kernel by process id.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .machine import TICKS

STOP_SECONDS = 20.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Cpu:
    """CPU seconds that a process has used since it started, all threads together."""

    user: float
    system: float

    @property
    def total(self) -> float:
        return self.user + self.system

    def __sub__(self, earlier: Cpu) -> Cpu:
        return Cpu(self.user - earlier.user, self.system - earlier.system)


@contextmanager
def running(command: list[str | Path], cores: set[int], *,
            stdout: int | IO | None = subprocess.DEVNULL,
            stderr: int | IO | None = subprocess.DEVNULL) -> Iterator[subprocess.Popen]:
    """A process on `cores` that ends with the block, and with the benchmark however that ends."""

    def before_exec() -> None:
        os.sched_setaffinity(0, cores)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=stdout, stderr=stderr, preexec_fn=before_exec)
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def cpu(pid: int) -> Cpu:
    """utime and stime: the kernel scales them to the scheduler's exact sum, so only their last tick is rough."""
    fields = _stat(pid)
    return Cpu(int(fields[11]) / TICKS, int(fields[12]) / TICKS)


def pin(pid: int, core: int) -> None:
    """Every thread of a process; threads that it starts later inherit this."""
    for thread in _threads(pid):
        os.sched_setaffinity(thread, {core})


def is_pinned(pid: int, core: int) -> bool:
    return all(os.sched_getaffinity(thread) == {core} for thread in _threads(pid))


def child(pid: int) -> int:
    """The one process that `pid` has started."""
    found = [other for other in _all() if _parent(other) == pid]
    if len(found) != 1:
        raise ProcessLookupError(f"process {pid} has {len(found)} children, not one")
    return found[0]


def _all() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _threads(pid: int) -> list[int]:
    return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]


def _parent(pid: int) -> int | None:
    try:
        return int(_stat(pid)[1])
    except (FileNotFoundError, ProcessLookupError):
        return None  # it ended meanwhile


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold spaces and parentheses."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
