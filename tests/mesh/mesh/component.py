"""A small overlay for a Component, as an operator would write one."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from plane.binaries import REPOSITORY

from .overlays import resources

BASES = {
    "istio/components": "istio/overlays/prod",
    "istio/components/interception-tenant": "manifests/tenants/payments",
    "manifests/components": "manifests/overlays/prod",
    "manifests/tenants": "istio/overlays/prod",
    "operators/components": "operators/instances/logging",
}
"""The overlay that a Component below this folder is for; the longest match counts."""


def overlay_of(component: str) -> str:
    """The overlay that a Component is for."""
    return BASES[max((prefix for prefix in BASES if component == prefix or component.startswith(f"{prefix}/")), key=len)]


def overlay_with(component: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    shipped = overlay_of(component)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": namespace_of(shipped),
        "resources": [_from(folder, shipped)], "components": [_from(folder, component)]}))
    return folder


def added_by(component: str, folder: Path) -> list[dict]:
    """What a Component has that its overlay hasn't: what somebody deletes who takes it out again."""
    there = {identity(resource) for resource in resources(overlay_of(component))}
    return [resource for resource in resources(folder) if identity(resource) not in there]


def identity(resource: dict) -> tuple[str, str, str]:
    return resource["kind"], resource["metadata"].get("namespace", ""), resource["metadata"]["name"]


def namespace_of(overlay: str) -> str:
    """Where an overlay's resources are."""
    if overlay == "operators/instances/logging":
        return "openshift-logging"
    name = Path(overlay).name
    return f"tenant-{name}" if overlay.startswith("manifests/tenants/") else f"ai-gateway-{name}"


def _from(folder: Path, other: str) -> str:
    return os.path.relpath(REPOSITORY / other, folder.resolve())
