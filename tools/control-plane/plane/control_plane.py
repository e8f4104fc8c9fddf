"""All of it together, and what is installed before anybody applies anything."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .binaries import CRDS
from .istiod import Istiod
from .kubernetes import Kubernetes
from .stand_ins import definitions

HERE = Path(__file__).resolve().parent


class ControlPlane:
    def __init__(self, folder: Path, mesh: dict | None = None, environment: dict[str, str] | None = None):
        self.folder = folder
        self.kubernetes = Kubernetes(folder / "kubernetes")
        try:
            self._install_kinds()
            self.istiod = Istiod(self.kubernetes, folder / "istiod", mesh, environment)
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
        self.kubectl("apply", "--server-side", "-f", CRDS, "-f", stand_ins)
        self.kubectl("apply", "-f", HERE / "openshift.yaml")
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
