"""Fixtures: one control plane for the session, and what is applied to it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bed import identity, overlay
from plane import ControlPlane
from plane.binaries import REPOSITORY
from plane.processes import free_ports
from providers.scripted import ProviderLoop, ScriptedProvider

from mesh.environment import Environment
from mesh.gateway import MeshGateway, make_pod
from mesh.overlays import overlays

HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com", "vllm": "vllm.models.example.com"}


@pytest.fixture(scope="session")
def plane(tmp_path_factory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane"), environment={"PILOT_SCOPE_GATEWAY_TO_NAMESPACE": "true"}) as running:
        yield running


@pytest.fixture(scope="session")
def applied(plane) -> dict[Path, subprocess.CompletedProcess]:
    """Every overlay, applied in order: what `kubectl apply -k` said."""
    return {overlay: plane.kubectl("apply", "--validate=strict", "-k", REPOSITORY / overlay, check=False)
            for overlay in overlays()}


@pytest.fixture(scope="session")
def providers() -> Iterator[dict[str, ScriptedProvider]]:
    loop = ProviderLoop()
    yield {name: ScriptedProvider(name, loop) for name in HOSTS}
    loop.stop()


@pytest.fixture(scope="session")
def gateway(plane, providers, tmp_path_factory) -> Iterator[MeshGateway]:
    """The dev overlay in a namespace of its own, with the end-to-end tests' tenants, and the Envoy of its pod."""
    folder = tmp_path_factory.mktemp("live")
    environment = Environment(
        folder=folder / "overlay", namespace="ai-gateway-live", listen_port=free_ports(1)[0],
        istio=overlay.write(folder / "tests", REPOSITORY / "istio/overlays/dev"), manifests=REPOSITORY / "manifests/overlays/dev",
        upstreams={HOSTS[name]: provider.url for name, provider in providers.items()})
    plane.kubectl("apply", "--validate=strict", "-k", environment.write())
    make_pod(plane, environment.namespace)
    started = MeshGateway(plane, environment.namespace, environment.folder, environment.listen_port, folder / "gateway")
    yield started
    started.stop()
