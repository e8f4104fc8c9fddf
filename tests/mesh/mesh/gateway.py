"""A real Envoy that istiod configures from what the API server has."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from pathlib import Path

from bed import identity
from bed.gateway import ENVOY, MODULES, RUNNER, Gateway
from plane import ControlPlane
from plane.binaries import REPOSITORY

POD = "ai-gateway-local"
POD_IP = "10.244.0.5"
"""The local runner's names for the gateway's pod; nothing dials the address."""

MORE_PROVIDER_KEYS = {"newcomer": "sk-provider-newcomer"}
"""Of mesh/newcomer.py: a key comes with the pod's environment, before its provider is configured."""


class MeshGateway(Gateway):
    """The local runner with `-istiod`: bootstrap, Envoy and logs are its own, the configuration is istiod's."""

    def __init__(self, plane: ControlPlane, namespace: str, overlay: Path, listen_port: int, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._plane = plane
        self._listen = f"127.0.0.1:{listen_port}"
        self._token = folder / "token"
        self._token.write_text(plane.kubectl("create", "token", "ai-gateway", "-n", namespace, "--audience=istio-ca").stdout)
        self._token.chmod(0o600)
        super().__init__(namespace, overlay, {}, folder)

    def _start(self, overlay: Path, upstreams: dict[str, str]) -> subprocess.Popen:
        env_file = self.folder / "gateway.env"
        keys = {**identity.PROVIDER_KEYS, **MORE_PROVIDER_KEYS}
        env_file.write_text(f"AI_PROVIDER_KEYS={json.dumps(keys, separators=(',', ':'))}\n")
        command = [
            RUNNER, "-overlay", overlay, "-listen", self._listen, "-admin", "127.0.0.1:0",
            "-istiod", self._plane.istiod.address, "-istiod-token", self._token,
            "-env-file", env_file, "-envoy", ENVOY, "-modules", MODULES,
            "-access-log", self.log_dir / "access.log", "-envoy-log", self.log_dir / "envoy.log", "-die-with-parent",
        ]
        with (self.log_dir / "runner.log").open("wb") as log:
            return subprocess.Popen([str(word) for word in command], cwd=REPOSITORY, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=log)

    def config_dump(self) -> str:
        with urllib.request.urlopen(f"http://{self.admin}/config_dump", timeout=10) as answer:
            return answer.read().decode()

    def listeners(self) -> set[str]:
        """Where istiod lets this Envoy listen."""
        with urllib.request.urlopen(f"http://{self.admin}/listeners?format=json", timeout=10) as answer:
            sockets = [status["local_address"]["socket_address"] for status in json.load(answer)["listener_statuses"]]
        return {f"{socket['address']}:{socket['port_value']}" for socket in sockets}

    def refusals(self, plugin: str) -> int:
        """How often Envoy has refused that plugin's configuration, as the runner tells it."""
        lines = (self.log_dir / "runner.log").read_text().splitlines()
        return sum(bool(re.search(rf"envoy refused .*\b{re.escape(plugin)}\b", line)) for line in lines)


def make_pod(plane: ControlPlane, namespace: str) -> dict:
    """The gateway's pod, from the Deployment's template through injection and admission, running and ready."""
    template = plane.get("deployment", "ai-gateway", "-n", namespace)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod",
           "metadata": {**template["metadata"], "name": POD, "namespace": namespace}, "spec": template["spec"]}
    plane.kubectl("create", "-f", "-", stdin=json.dumps(pod))
    status = {"status": {"phase": "Running", "podIP": POD_IP, "podIPs": [{"ip": POD_IP}],
                         "conditions": [{"type": "Ready", "status": "True"}]}}
    plane.kubectl("patch", "pod", POD, "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps(status))
    return plane.get("pod", POD, "-n", namespace)
