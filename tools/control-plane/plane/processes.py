"""Processes of the control plane: started, watched while others wait for them, ended by their own id."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

STOP_SECONDS = 10.0
LOG_BYTES_SHOWN = 4000

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Process:
    """A running program whose output goes to a file."""

    def __init__(self, command: list[str | Path], log: Path, environment: dict[str, str] | None = None):
        self.name = log.stem
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(word) for word in command], cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, preexec_fn=_end_with_parent,
                # A Ctrl-C is for the one who started all this: it ends them in their order.
                start_new_session=True)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns when `ready` holds; an error with the log's end if the process or the time is over first."""
        end = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} isn't ready after {seconds} s:\n{self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self) -> str:
        return self.log.read_bytes()[-LOG_BYTES_SHOWN:].decode(errors="replace")

    def pause(self) -> None:
        """Stops it where it is; it neither answers nor ends its connections."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
