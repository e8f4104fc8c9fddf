"""What an API server holds: everything by kind, namespace and name, or an overlay's resources with what is in them."""

from __future__ import annotations

from plane import ControlPlane
from plane.binaries import REPOSITORY

COMES_BY_ITSELF = frozenset({
    # Written by Kubernetes about others, or by itself about itself.
    "events", "events.events.k8s.io", "leases.coordination.k8s.io", "endpointslices.discovery.k8s.io", "endpoints",
    "apiservices.apiregistration.k8s.io", "controllerrevisions.apps", "componentstatuses", "ipaddresses.networking.k8s.io",
    "pods.metrics.k8s.io", "nodes.metrics.k8s.io",
})


def inventory(plane: ControlPlane) -> frozenset[tuple[str, str, str]]:
    kinds = set(plane.kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()) - COMES_BY_ITSELF
    lines = plane.kubectl(
        "get", ",".join(sorted(kinds)), "-A", "--ignore-not-found", "--no-headers", "-o",
        "custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name").stdout.splitlines()
    return frozenset(tuple(line.split(None, 2)) for line in lines)


def contents(plane: ControlPlane, overlay: str) -> dict[tuple[str, str, str], dict]:
    """An overlay's resources as the server has them, without what controllers write.

    `kubectl apply` says `configured` also when its patch comes to nothing (a default in a list, base64 in another
    layout), so its words don't tell. `metadata.generation` counts the changes of a spec.
    """
    found = plane.get("-k", str(REPOSITORY / overlay))
    items = found["items"] if found["kind"] == "List" else [found]
    for item in items:
        item.pop("status", None)
        for written in ("resourceVersion", "managedFields"):
            item["metadata"].pop(written, None)
    return {(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item for item in items}
