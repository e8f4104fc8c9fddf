"""A pod of the mesh: a network namespace with a sidecar Envoy, to which all that leaves is redirected, and a workload."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from bed.deadline import eventually
from bed.gateway import ENVOY

from .namespaces import PROXY_GROUP, Namespace, end_with_parent

START_SECONDS = 30.0
ANSWER_SECONDS = 30.0
STOP_SECONDS = 10.0

ADMIN = "http://127.0.0.1:15000"
"""Of a sidecar, in its own namespace."""


class Sidecar:
    """The Envoy of a pod, on what the local runner has put into `folder` for it (`-sidecar`)."""

    def __init__(self, namespace: Namespace, folder: Path):
        self._namespace = namespace
        self.log = folder / "envoy.log"
        namespace.redirect()
        self._process = namespace.run(lambda: self._start(folder))
        eventually(self._is_ready, START_SECONDS, f"the sidecar in {namespace.name} is ready")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def admin(self, path: str) -> str:
        def read() -> str:
            with urllib.request.urlopen(ADMIN + path, timeout=5) as answer:
                return answer.read().decode()

        return self._namespace.run(read)

    def clusters(self) -> list[dict]:
        """The clusters that it got from pilot, as they are in use."""
        dump = json.loads(self.admin("/config_dump?resource=dynamic_active_clusters"))
        return [entry["cluster"] for entry in dump["configs"]]

    def _start(self, folder: Path) -> subprocess.Popen:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [str(ENVOY), "-c", "bootstrap.json", "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                group=PROXY_GROUP, extra_groups=[], preexec_fn=end_with_parent)

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"the sidecar ended:\n{self.log.read_text()[-4000:]}")
        try:
            return self.admin("/ready").strip() == "LIVE"
        except (urllib.error.URLError, OSError):
            return False


class Workload:
    """`caller.py` in a pod's namespace. `environment` is all that tells it about its way to the models."""

    def __init__(self, namespace: Namespace, environment: dict[str, str]):
        self._process = subprocess.Popen(
            namespace.command(sys.executable, Path(__file__).with_name("caller.py")),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], **environment})

    def ask(self, sdk: str, model: str, text: str, *, stream: bool = False) -> dict:
        """One call: the text that was answered, or the error that the SDK made of it."""
        self._process.stdin.write(json.dumps({"sdk": sdk, "model": model, "text": text, "stream": stream}) + "\n")
        self._process.stdin.flush()
        readable, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        assert readable, f"the workload didn't answer within {ANSWER_SECONDS} s"
        return json.loads(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
