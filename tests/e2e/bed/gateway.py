"""A gateway under test: the local runner with a real Envoy, on free ports.

Started through the runner's command line, exactly as `make run` starts it;
stopped by SIGTERM. What it logs is kept in a folder and read back by offset,
so that each test sees its own lines only.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import re
import select
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import identity
from .deadline import eventually
from .metrics import Metrics

REPOSITORY = Path(__file__).resolve().parents[3]
RUNNER = Path(os.environ.get("E2E_RUNNER", REPOSITORY / ".build/bin/local-run"))
MODULES = Path(os.environ.get("E2E_MODULES", REPOSITORY / ".build/wasm"))
ENVOY = Path(os.environ.get("E2E_ENVOY", REPOSITORY / ".build/envoy/1.38.2/envoy/_bin/envoy"))
OVERLAY = Path(os.environ.get("E2E_OVERLAY", REPOSITORY / "istio/overlays/dev"))
MANIFESTS = Path(os.environ.get("E2E_MANIFESTS", REPOSITORY / "manifests/overlays/dev"))

START_DEADLINE = 120.0
STOP_DEADLINE = 20.0
READY = re.compile(r"^ready listen=(\S+) admin=(\S+)")

TRAPPED = re.compile(r"wasm_fail_stream|panicked at|Uncaught RuntimeError|wasm trap")
"""What a dead VM leaves: the first in the access log, the others in Envoy's own log."""

_marks = itertools.count()


@dataclass(frozen=True)
class Mark:
    """How long each log was at some moment."""

    sizes: dict[Path, int]


class Gateway:
    """`manifests` is the workload's folder, `environment` what its Secrets would add to Envoy's environment beside
    the providers' keys, `arguments` more of the runner's."""

    def __init__(self, name: str, overlay: Path, upstreams: dict[str, str], folder: Path, *,
                 manifests: Path = MANIFESTS, environment: dict[str, str] | None = None, arguments: Sequence[str | Path] = ()):
        self.name = name
        self.folder = folder
        self._workload = (manifests, environment or {}, arguments)
        self.log_dir = folder / "logs"
        self.log_dir.mkdir(parents=True)
        self._process = self._start(overlay, upstreams)
        self.address, self.admin = self._wait_until_ready()
        self.metrics = Metrics(f"http://{self.admin}")
        self._looked = self.log_sizes()
        self._reloads = 0.0

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def host_port(self) -> tuple[str, int]:
        host, port = self.address.rsplit(":", 1)
        return host, int(port)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_DEADLINE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise AssertionError(f"the runner of {self.name} didn't stop within {STOP_DEADLINE} s") from None
        self._process.stdout.close()

    def die(self) -> None:
        """Ends at once, Envoy too, as a killed container does."""
        self._process.kill()
        self._process.wait()

    # --- what it says about itself ---------------------------------------------------------

    @functools.cached_property
    def workers(self) -> int:
        """How many worker threads Envoy runs."""
        with urllib.request.urlopen(f"http://{self.admin}/server_info", timeout=5) as answer:
            return json.load(answer)["command_line_options"]["concurrency"]

    def assert_no_vm_has_trapped(self) -> None:
        """Looks at all that was logged since the last look, and at Envoy's count of reloads.
        A line of the access log may come late: then the next look finds it."""
        looked, self._looked = self._looked, self.log_sizes()
        trapped = TRAPPED.search(self.log_since(looked))
        assert trapped is None, f"a VM trapped: {trapped[0]}"
        reloads = sum(sample.value for sample in self.metrics.samples() if "vm_reload" in sample.name)
        reloads, self._reloads = reloads - self._reloads, reloads
        assert reloads == 0, f"{reloads:.0f} VMs were loaded anew"

    # --- logs --------------------------------------------------------------------------------

    def mark(self) -> Mark:
        """This moment in the logs: whatever was answered before it stands before it.
        Envoy writes its access log in batches, so a request of its own is waited for."""
        path = f"/mark/{next(_marks)}"
        before = self.log_sizes()
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(self.url + path, timeout=10).close()
        self.wait_for_entry(before, path=path)
        return self.log_sizes()

    def log_sizes(self) -> Mark:
        """What the logs hold by now; lines of requests just answered may still follow."""
        return Mark({path: path.stat().st_size for path in self._logs()})

    def log_since(self, mark: Mark) -> str:
        """Everything that was logged after `mark`, by Envoy and by the runner."""
        return "".join(_tail(path, mark.sizes.get(path, 0)) for path in self._logs())

    def access_log_since(self, mark: Mark) -> list[dict]:
        """The access log's entries after `mark`: one object a line."""
        return list(_json_lines(self.log_since(mark)))

    def wait_for_entry(self, mark: Mark, seconds: float = 5.0, **facts: object) -> dict:
        """The first entry after `mark` whose members have these values."""

        def find() -> dict | None:
            for entry in self.access_log_since(mark):
                if all(entry.get(name) == value for name, value in facts.items()):
                    return entry
            return None

        return eventually(find, seconds, f"an access log entry with {facts}")

    def _logs(self) -> list[Path]:
        return sorted(path for path in self.log_dir.rglob("*") if path.is_file())

    # --- starting ------------------------------------------------------------------------------

    def _start(self, overlay: Path, upstreams: dict[str, str]) -> subprocess.Popen:
        if not RUNNER.exists():
            raise AssertionError(f"there is no runner at {RUNNER}: build it first")
        env_file = self.folder / "gateway.env"
        manifests, environment, arguments = self._workload
        environment = {"AI_PROVIDER_KEYS": json.dumps(identity.PROVIDER_KEYS, separators=(",", ":")), **environment}
        env_file.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
        command = [
            RUNNER,
            "-overlay", overlay,
            "-manifests", manifests,
            "-listen", "127.0.0.1:0",
            "-admin", "127.0.0.1:0",
            "-upstreams", " ".join(f"{host}={url}" for host, url in upstreams.items()),
            "-env-file", env_file,
            "-envoy", ENVOY,
            "-modules", MODULES,
            "-access-log", self.log_dir / "access.log",
            "-envoy-log", self.log_dir / "envoy.log",
            "-die-with-parent",
            *arguments,
        ]
        with (self.log_dir / "runner.log").open("wb") as log:
            return subprocess.Popen([str(word) for word in command], cwd=REPOSITORY, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=log)

    def _wait_until_ready(self) -> tuple[str, str]:
        """Reads the runner's one line on stdout: `ready listen=… admin=…`."""
        readable, _, _ = select.select([self._process.stdout], [], [], START_DEADLINE)
        line = self._process.stdout.readline().decode() if readable else ""
        if found := READY.match(line):
            return found[1], found[2]
        self.stop()
        said = "\n".join(path.read_text(errors="replace")[-4000:] for path in self._logs())
        raise AssertionError(f"the gateway {self.name} didn't become ready:\n{identity.scrubbed(said)}")


def _tail(path: Path, offset: int) -> str:
    with path.open("rb") as log:
        log.seek(offset)
        return log.read().decode(errors="replace")


def _json_lines(text: str) -> Iterator[dict]:
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # a line that is still being written
            yield entry
