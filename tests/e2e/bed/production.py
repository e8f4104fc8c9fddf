"""The production overlay with stand-ins for what a cluster would give.

What stands in: the certificate of the gateway's host and the providers' TLS,
both of a CA of the test's own; the providers' keys; the Services that the
mesh's providers name. Everything else is istio/overlays/prod,
manifests/overlays/prod and operators/instances/service-mesh as they ship.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from pathlib import Path

from . import overlay
from .gateway import ENVOY, REPOSITORY, Gateway
from .tls import Authority

HOST = "ai-gateway.example.com"
ISTIO = REPOSITORY / "istio/overlays/prod"
MANIFESTS = REPOSITORY / "manifests/overlays/prod"
MESH = REPOSITORY / "tools/local-run/mesh"
"""operators/instances/service-mesh, and the Services that its providers name."""


def start(name: str, folder: Path, authority: Authority, upstreams: dict[str, str], *, istio: Path = ISTIO,
          manifests: Path = MANIFESTS, hosts: tuple[str, ...] = (HOST,), environment: dict[str, str] | None = None,
          arguments: tuple[str, ...] = ()) -> Gateway:
    """A gateway of istio/overlays/prod with the tests' tenants, or of another overlay made on it."""
    secrets = folder / "secrets"
    for host in hosts:
        authority.secret(secrets / secret_of(host), host)
    if envoy_version() < (1, 37):
        istio = without_trace_attributes(folder / "service-mesh-3.3", istio)
    return Gateway(
        name, overlay.write(folder / "overlay", istio), upstreams, folder, manifests=manifests, environment=environment,
        arguments=("-mesh", MESH, "-secrets", secrets, "-upstream-ca", authority.file, *arguments))


def with_components(folder: Path, overlay: Path, *components: str) -> Path:
    """An overlay of one's own: a shipped one, and components of the repository."""
    folder.mkdir(parents=True)
    there = folder.resolve()
    (folder / "kustomization.yaml").write_text(json.dumps({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": "ai-gateway-prod",
        "resources": [os.path.relpath(overlay, there)],
        "components": [os.path.relpath(REPOSITORY / component, there) for component in components]}))
    return folder


def without_trace_attributes(folder: Path, overlay: Path) -> Path:
    """As istio/components/trace-attributes asks for on Service Mesh 3.3, whose Envoy doesn't know such tags."""
    folder.mkdir(parents=True)
    patch = json.dumps([{"op": "remove", "path": "/spec/tracing/0/customTags"}])
    (folder / "kustomization.yaml").write_text(json.dumps({
        "resources": [os.path.relpath(overlay, folder.resolve())],
        "patches": [{"patch": patch, "target": {"kind": "Telemetry", "name": "ai-gateway"}}]}))
    return folder


@functools.cache
def envoy_version() -> tuple[int, int]:
    """`(1, 38)`, of the Envoy that the tests run."""
    said = subprocess.run([ENVOY, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = re.search(r"/(\d+)\.(\d+)\.\d+", said).groups()
    return int(major), int(minor)


def secret_of(host: str) -> str:
    """The Secret with the certificate of a host, as the Gateway's servers name it."""
    return f"{host.partition('.')[0]}-tls"
