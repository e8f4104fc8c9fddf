"""A node in name only: `kubectl logs` and `port-forward`, and what istioctl does with them, get answers for pods on it.

tools/control-plane/node says how; nothing runs on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from .binaries import binary
from .control_plane import ControlPlane
from .processes import Process

START_SECONDS = 10.0
NAME = "loopback"


class Node:
    """`ports` says where a pod's port really is, `log` what its containers have logged."""

    def __init__(self, plane: ControlPlane, folder: Path, ports: Mapping[int, str], log: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._plane = plane
        words = [word for port, address in ports.items() for word in ("-ports", f"{port}={address}")]
        self._process = Process([binary("loopback-node"), *words, "-log", log], folder / "node.log")
        self._process.wait_until(lambda: self._process.log_tail().strip().isdigit(), START_SECONDS)
        port = int(self._process.log_tail())
        plane.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}}))
        status = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
        plane.kubectl("patch", "node", NAME, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))

    def take(self, namespace: str, pod: str) -> None:
        """Puts a pod here, and says that it runs."""
        self._plane.kubectl("create", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}/binding", "-f", "-", stdin=json.dumps({
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": {"apiVersion": "v1", "kind": "Node", "name": NAME}}))
        found = self._plane.get("pod", pod, "-n", namespace)
        containers = [{"name": container["name"], "image": container["image"], "imageID": "", "ready": True, "restartCount": 0,
                       "state": {"running": {}}} for container in found["spec"]["containers"]]
        status = {"phase": "Running", "podIP": "10.244.0.5", "podIPs": [{"ip": "10.244.0.5"}], "containerStatuses": containers,
                  "conditions": [{"type": "Ready", "status": "True"}]}
        self._plane.kubectl("patch", "pod", pod, "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))

    def drop(self, namespace: str, pod: str) -> None:
        """Takes a pod away: on a real node the kubelet says that it has ended."""
        self._plane.kubectl("delete", "pod", pod, "-n", namespace, "--grace-period=0", "--force", "--ignore-not-found")

    def stop(self) -> None:
        self._plane.kubectl("delete", "node", NAME, "--ignore-not-found")
        self._process.stop()
