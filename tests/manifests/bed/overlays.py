"""What ships, found in the repository, and what kustomize makes of it.

Building is kustomize's own code, as `oc apply -k` runs it (the local runner
carries it: `local-run -build`). Nothing is listed by hand but the base that a
component is tried on: a folder that nobody builds fails a test.
"""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
RUNNER = Path(os.environ.get("E2E_RUNNER", REPOSITORY / ".build/bin/local-run"))
ROOTS = ("istio", "manifests", "operators", "monitoring", "examples")
BUILD_SECONDS = 60

ENVIRONMENTS = ("dev", "prod")

COMPONENT_BASES = {
    "istio/components": "istio/overlays/prod",
    "istio/components/interception-tenant": "manifests/tenants/payments",
    "manifests/components": "manifests/overlays/prod",
    "manifests/tenants": "istio/overlays/prod",
    "operators/components": "operators/instances/logging",
}
"""The overlay that a component below this folder is tried on; the longest match counts."""


class BuildError(Exception):
    pass


def build(directory: Path) -> list[dict]:
    """The resources of a kustomize directory."""
    built = subprocess.run([str(RUNNER), "-overlay", str(directory), "-build"], cwd=REPOSITORY,
                           capture_output=True, text=True, timeout=BUILD_SECONDS)
    if built.returncode != 0:
        raise BuildError(built.stderr.strip())
    return [document for document in yaml.safe_load_all(built.stdout) if document]


@functools.cache
def shipped(path: str) -> tuple[dict, ...]:
    """What ships at a path of the repository, built once a run. Don't change it: copy it first."""
    return tuple(build(REPOSITORY / path))


@functools.cache
def with_component(component: str, base: str | None = None) -> tuple[dict, ...]:
    """A component on top of the overlay that it is tried on, or of another one."""
    base = base or component_base(component)
    with tempfile.TemporaryDirectory() as folder:
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": namespace_of(base),
            "resources": [os.path.relpath(REPOSITORY / base, os.path.realpath(folder))],
            "components": [os.path.relpath(REPOSITORY / component, os.path.realpath(folder))],
        }
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return tuple(build(Path(folder)))


def component_base(component: str) -> str:
    """The overlay that a component is tried on."""
    matching = [prefix for prefix in COMPONENT_BASES if component == prefix or component.startswith(f"{prefix}/")]
    return COMPONENT_BASES[max(matching, key=len)]


def namespace_of(overlay: str) -> str:
    """Where an overlay's resources are."""
    if overlay == "operators/instances/logging":
        return "openshift-logging"
    return f"tenant-{Path(overlay).name}" if overlay.startswith("manifests/tenants/") else f"ai-gateway-{Path(overlay).name}"


def kustomizations() -> list[str]:
    """Every folder that `oc apply -k` can be given."""
    return [folder for folder, kind in _folders() if kind == "Kustomization"]


def components() -> list[str]:
    """Every folder that an overlay can list under `components:`."""
    return [folder for folder, kind in _folders() if kind == "Component"]


def identity(resource: dict) -> str:
    """A resource as people name it: `Kind namespace/name`."""
    metadata = resource.get("metadata", {})
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{resource.get('kind')} {place}{metadata.get('name')}"


def one(resources, kind: str, name: str) -> dict:
    """The one resource of this kind and name."""
    found = [r for r in resources if r["kind"] == kind and r["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} resources are {kind} {name}"
    return found[0]


@functools.cache
def _folders() -> list[tuple[str, str]]:
    found = []
    for root in ROOTS:
        for file in sorted((REPOSITORY / root).rglob("kustomization.yaml")):
            kind = yaml.safe_load(file.read_text()).get("kind", "Kustomization")
            found.append((str(file.parent.relative_to(REPOSITORY)), kind))
    return found
