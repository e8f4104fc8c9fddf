"""Programs that the tests start: none outlives the run, however that ends."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def start(command: Sequence[str | Path], log: Path, folder: Path | None = None) -> subprocess.Popen:
    """A program that says what it says into `log`. The kernel ends it when the thread ends that starts it, so a run that is
    killed leaves nothing behind."""
    with log.open("wb") as said:
        return subprocess.Popen([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=said,
                                stderr=subprocess.STDOUT, preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))


def stop(process: subprocess.Popen, seconds: float) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
