"""A run that is killed leaves no Prometheus and no collector behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from bed.deadline import eventually

STARTS_ONE = """
import sys
from pathlib import Path
from watched import child
print(child.start(["sleep", "60"], Path(sys.argv[1])).pid, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_run_had_started_ends_with_it(tmp_path):
    run = subprocess.Popen([sys.executable, "-c", STARTS_ONE, tmp_path / "log"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)})
    started = int(run.stdout.readline())
    assert is_running(started)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    try:
        eventually(lambda: not is_running(started), 10, "the child has ended")
    finally:
        if is_running(started):
            os.kill(started, signal.SIGKILL)


def is_running(process: int) -> bool:
    """One that has ended and that nobody has waited for yet isn't."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
