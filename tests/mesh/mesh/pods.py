"""Pods as Kubernetes' own controllers make them from what was applied: injected, and judged by admission."""

from __future__ import annotations

import json

from plane import ControlPlane


def workloads(plane: ControlPlane, *selection: str) -> list[dict]:
    return plane.get("deployments", *selection)["items"]


def pods_of(plane: ControlPlane, deployment: dict) -> list[dict]:
    """The pods that exist for a Deployment. They never run: there are no nodes."""
    labels = ",".join(f"{name}={value}" for name, value in deployment["spec"]["selector"]["matchLabels"].items())
    return plane.get("pods", "-n", deployment["metadata"]["namespace"], "-l", labels)["items"]


def containers(pod: dict) -> list[dict]:
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def refusals(plane: ControlPlane, namespace: str) -> list[str]:
    """What admission said to the controllers that tried to make a pod."""
    return [event["message"] for event in plane.get("events", "-n", namespace)["items"] if event.get("reason") == "FailedCreate"]


def tried(plane: ControlPlane, pod: dict) -> dict | str:
    """The pod as it would be after injection, or why admission refuses it."""
    done = plane.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(pod), check=False)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def plain(namespace: str, service_account: str, **container: object) -> dict:
    """A pod of somebody who wrote it for `restricted`; `container` is said in the container's own words."""
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {
            "serviceAccountName": service_account,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "app", "image": "registry.example.com/app:1",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                **container}]}}
