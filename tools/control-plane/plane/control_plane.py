"""All of it together, and what is installed before anybody applies anything."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from .binaries import CRDS
from .istiod import Istiod
from .kubernetes import Kubernetes
from .stand_ins import definitions

KINDS_SECONDS = 60.0

HERE = Path(__file__).resolve().parent


class ControlPlane:
    def __init__(self, folder: Path, istio_values: dict | None = None):
        self.folder = folder
        self.kubernetes = Kubernetes(folder / "kubernetes")
        try:
            self._install_kinds()
            self.istiod = Istiod(self.kubernetes, folder / "istiod", istio_values)
            self._wait_for_kinds()
        except BaseException:
            self.kubernetes.stop()
            raise

    def __enter__(self) -> ControlPlane:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.istiod.stop()
        self.kubernetes.stop()

    def kubectl(self, *words: str | Path, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.kubernetes.kubectl(*words, stdin=stdin, check=check)

    def get(self, *words: str) -> dict:
        return self.kubernetes.get(*words)

    def _install_kinds(self) -> None:
        if not CRDS.exists():
            raise FileNotFoundError("there are no .build/crds: `make mesh-test` brings them")
        stand_ins = self.folder / "stand-ins.json"
        stand_ins.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions()}))
        # Not checked against their schema: they come as their projects released them, and it takes seconds.
        self.kubectl("create", "--validate=false", "-f", CRDS)
        if definitions():
            self.kubectl("create", "-f", stand_ins)
        self.kubectl("create", "-f", HERE / "openshift.yaml")

    def _wait_for_kinds(self) -> None:
        """Returns when the API server serves every kind."""
        end = time.monotonic() + KINDS_SECONDS
        while waiting := self._kinds_not_served():
            if time.monotonic() > end:
                raise TimeoutError(f"not served after {KINDS_SECONDS} s: {', '.join(waiting)}")
            time.sleep(0.1)

    def _kinds_not_served(self) -> list[str]:
        kinds = json.loads(self.kubectl("get", "--raw", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions").stdout)
        return [kind["metadata"]["name"] for kind in kinds["items"]
                if not any(condition["type"] == "Established" and condition["status"] == "True"
                           for condition in kind.get("status", {}).get("conditions", []))]
