"""All of it together: the gateway and two pods, each in a namespace of its own, joined by wires.

    pod of tenant-payments  10.244.1.2 ──┐
                                         ├── 10.244.0.5  the gateway; the providers are on its loopback
    pod of tenant-research  10.244.2.2 ──┘               203.0.113.10, the way round it: who is called there is noted

A pod can reach the gateway's namespace and nothing else. In /etc/hosts of the
pods the providers' names have the last address, as they would have a public
one: what isn't redirected arrives there.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bed import production
from bed.gateway import Gateway
from bed.tls import Authority, TlsFront
from providers.scripted import ProviderLoop, ScriptedProvider

from . import cert_manager, overlay
from .identities import MeshAuthority
from .namespaces import Namespace, join
from .pods import Sidecar

HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}
ADDRESS = "10.244.0.5"
"""Of the gateway: the pod address that the local runner gives it."""

MESH_PORT, HTTPS_PORT = 15443, 8443
"""Of the gateway's pod."""

INTERCEPTED = "ai-gateway-intercepted-tls"
"""The Secret with the gateway's certificate for the providers' hosts, and with the CA that workloads trust."""

OUTSIDE = "203.0.113.10"
"""Where the providers' names lead, if nobody redirects."""


class Mesh:
    def __init__(self, folder: Path):
        self.folder = folder
        with ExitStack() as undo:
            self._sockets = Path(tempfile.mkdtemp(prefix="pods-"))  # paths of sockets are short
            undo.callback(shutil.rmtree, self._sockets, ignore_errors=True)
            self.network = self._namespace("gateway", undo)
            self.network.ip("address", "add", f"{ADDRESS}/32", "dev", "lo")
            self.network.ip("address", "add", f"{OUTSIDE}/32", "dev", "lo")
            self.pods = {name: self._pod(name, number, undo) for number, name in enumerate((overlay.KNOWN, overlay.UNKNOWN), 1)}
            self.way_round = self.network.run(WayRound)
            undo.callback(self.way_round.close)
            self._start_providers(undo)
            self.identities = MeshAuthority()
            self.authority = Authority(folder / "authority")
            self.gateway = self._start_gateway()
            undo.callback(lambda: self.network.run(self.gateway.stop))
            self.sidecars = {name: self._sidecar(name, undo) for name in self.pods}
            self._undo = undo.pop_all()

    def close(self) -> None:
        self._undo.close()

    # --- starting ------------------------------------------------------------------------------

    def _namespace(self, name: str, undo: ExitStack) -> Namespace:
        made = Namespace(name)
        undo.callback(made.close)
        return made

    def _pod(self, name: str, number: int, undo: ExitStack) -> Namespace:
        """With the address that the local runner knows it by, and no route but to the gateway's namespace."""
        pod = self._namespace(name, undo)
        join(self.network, f"pod{number}", f"10.244.{number}.1/24", pod, "eth0", f"10.244.{number}.2/24")
        pod.ip("route", "add", "default", "via", f"10.244.{number}.1")
        pod.hosts(dict.fromkeys(HOSTS.values(), OUTSIDE))
        return pod

    def _start_providers(self, undo: ExitStack) -> None:
        """On the loopback of the gateway's namespace: TLS by their own names in front, scripts behind."""
        loop = self.network.run(ProviderLoop)
        undo.callback(loop.stop)
        self.providers = {name: self.network.run(lambda name=name: ScriptedProvider(name, loop)) for name in HOSTS}
        self.public = Authority(self.folder / "public")
        self.fronts = {host: self.network.run(
            lambda name=name, host=host: TlsFront(loop, self.public.server(host), self.providers[name].port))
            for name, host in HOSTS.items()}

    def _start_gateway(self) -> Gateway:
        identity = self.identities.workload(self.folder / "identity", "ai-gateway-prod", "ai-gateway")
        folder = self.folder / "gateway"
        self.overlay = overlay.write(self.folder / "operator")
        cert_manager.write_secrets(self.overlay, folder / "secrets", (INTERCEPTED,))
        self.ca = folder / "secrets" / INTERCEPTED / "ca.crt"
        arguments = ["-listen", f"443={ADDRESS}:{HTTPS_PORT},15443={ADDRESS}:{MESH_PORT}",
                     "-workload-cert", identity, "-upstream-ca", self.public.file]
        for name in self.pods:
            directory = self.identities.workload(self._sockets / name, name, overlay.ACCOUNT)
            arguments += ["-sidecar", f"{name}/{overlay.ACCOUNT}={directory}"]
        return self.network.run(lambda: production.start(
            "intercepting", folder, self.authority, {host: front.url for host, front in self.fronts.items()},
            istio=self.overlay, arguments=tuple(arguments)))

    def _sidecar(self, name: str, undo: ExitStack) -> Sidecar:
        started = Sidecar(self.pods[name], self._sockets / name)
        undo.callback(started.stop)
        return started


class WayRound:
    """Listens where the providers would be. A connection here has gone past the gateway."""

    def __init__(self) -> None:
        self._sockets = [socket.create_server((OUTSIDE, port)) for port in (80, 443)]
        for listening in self._sockets:
            listening.setblocking(False)

    def connections(self) -> int:
        """How many have come since the last look."""
        count = 0
        for listening in self._sockets:
            while True:
                try:
                    listening.accept()[0].close()
                except BlockingIOError:
                    break
                count += 1
        return count

    def close(self) -> None:
        for listening in self._sockets:
            listening.close()
