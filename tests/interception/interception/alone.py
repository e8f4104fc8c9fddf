"""A gateway that opens the ways it is told to, alone in a network namespace."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bed import production
from bed.gateway import Gateway
from bed.tls import Authority

from . import cert_manager, direct
from .identities import MeshAuthority
from .mesh import ADDRESS, HOSTS, HTTPS_PORT, MESH_PORT
from .namespaces import Namespace

PORTS = {443: HTTPS_PORT, 15443: MESH_PORT}
"""The Gateway's, and those of its pod."""


class Alone:
    """The gateway of istio/overlays/prod with some components."""

    def __init__(self, name: str, folder: Path, *components: str, secrets: tuple[str, ...] = (), ports: tuple[int, ...],
                 patches: tuple[dict, ...] = (), manifests: Path = production.MANIFESTS):
        self.identities = MeshAuthority()
        self.network = Namespace(name)
        self.network.ip("address", "add", f"{ADDRESS}/32", "dev", "lo")
        listen = ",".join(f"{port}={ADDRESS}:{PORTS[port]}" for port in ports)
        istio = production.with_components(folder / "operator", production.ISTIO, *components)
        if patches:
            istio = patched(folder / "patched", istio, *patches)
        cert_manager.write_secrets(istio, folder / "gateway" / "secrets", secrets)
        own = self.identities.workload(folder / "identity", "ai-gateway-prod", "ai-gateway")
        authority = Authority(folder / "authority")
        # Nobody calls a provider here.
        upstreams = dict.fromkeys(HOSTS.values(), "https://127.0.0.1:1")
        self.gateway: Gateway = self.network.run(lambda: production.start(
            name, folder / "gateway", authority, upstreams, istio=istio, manifests=manifests,
            arguments=("-listen", listen, "-workload-cert", own)))

    def close(self) -> None:
        self.network.run(self.gateway.stop)
        self.network.close()

    def ask(self, port: int, host: str, *, certificate: Path | None = None, headers: dict[str, str] | None = None) -> int:
        """The status of what is answered."""
        answer = direct.tls(self.network, ADDRESS, port, host=host, certificate=certificate, headers=headers)
        return int(answer.split(b" ", 2)[1])

    def refused_by_envoy(self) -> list[str]:
        """What Envoy didn't take of its configuration."""
        def read() -> list[dict]:
            with urllib.request.urlopen(f"http://{self.gateway.admin}/config_dump?resource=dynamic_listeners", timeout=10) as answer:
                return json.load(answer)["configs"]

        return [listener["error_state"]["details"] for listener in self.network.run(read) if "error_state" in listener]


@contextmanager
def alone(*arguments, **options) -> Iterator[Alone]:
    started = Alone(*arguments, **options)
    try:
        yield started
    finally:
        started.close()


def patched(folder: Path, overlay: Path, *patches: dict) -> Path:
    """An overlay with patches on top."""
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(json.dumps({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [os.path.relpath(overlay, folder.resolve())],
        "patches": [{"patch": json.dumps(patch)} for patch in patches]}))
    return folder
