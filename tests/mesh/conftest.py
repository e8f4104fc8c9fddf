"""Fixtures: one control plane for the session, what is applied to it, and one gateway that istiod configures."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from bed import identity, overlay
from bed.tls import Authority
from plane import ControlPlane
from plane.binaries import REPOSITORY
from plane.ports import free_ports
from providers.scripted import ProviderLoop, ScriptedProvider

from mesh.environment import Environment
from mesh.gateway import MeshGateway, make_pod
from mesh.inventory import inventory
from mesh.overlays import overlays
from mesh.platform import istio_values

HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com", "vllm": "vllm.models.example.com",
         "newcomer": "api.newcomer.example.com"}

LAST = "test_uninstall"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes everything away again comes last: all share one control plane."""
    items.sort(key=lambda item: item.path.stem == LAST)


@pytest.fixture(scope="session")
def plane(tmp_path_factory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane"), istio_values()) as running:
        yield running


@pytest.fixture(scope="session")
def empty(plane) -> frozenset:
    """What the API server held before anything was applied."""
    return inventory(plane)


@pytest.fixture(scope="session")
def applied(plane, empty) -> dict[str, subprocess.CompletedProcess]:
    """Every overlay, applied in order, and what `kubectl apply -k` said."""
    return {each: plane.kubectl("apply", "--validate=strict", "-k", REPOSITORY / each, check=False) for each in overlays()}


@pytest.fixture
def certificate(plane, applied, tmp_path):
    """The Secret that cert-manager makes in a cluster. istioctl looks for it beside the first pod anywhere that the Gateway's
    selector matches, though istiod takes only pods of the Gateway's own namespace; so each gateway gets one."""
    issued = Authority(tmp_path).secret(tmp_path / "tls", "ai-gateway.example.com")
    namespaces = {pod["metadata"]["namespace"] for pod in plane.get("pods", "-A", "-l", "istio=ai-gateway")["items"]}
    for namespace in namespaces:
        plane.kubectl("create", "secret", "tls", "ai-gateway-tls", "-n", namespace,
                      f"--cert={issued / 'tls.crt'}", f"--key={issued / 'tls.key'}")
    yield
    for namespace in namespaces:
        plane.kubectl("delete", "secret", "ai-gateway-tls", "-n", namespace)


@pytest.fixture(scope="session")
def providers() -> Iterator[dict[str, ScriptedProvider]]:
    loop = ProviderLoop()
    yield {name: ScriptedProvider(name, loop) for name in HOSTS}
    loop.stop()


@pytest.fixture(scope="session")
def live(providers, tmp_path_factory) -> Environment:
    """The dev overlays in a namespace of their own, with the end-to-end tests' tenants."""
    folder = tmp_path_factory.mktemp("live")
    return Environment(
        folder=folder / "overlay", namespace="ai-gateway-live", listen_port=free_ports(1)[0],
        istio=overlay.write(folder / "tests", REPOSITORY / "istio/overlays/dev"),
        manifests=REPOSITORY / "manifests/overlays/dev",
        upstreams={HOSTS[name]: provider.url for name, provider in providers.items()})


@pytest.fixture(scope="session")
def gateway(plane, applied, live) -> Iterator[MeshGateway]:
    """The Envoy of `live`'s pod. Everything else is applied too: what belongs to other namespaces must not reach it."""
    plane.kubectl("apply", "--validate=strict", "-k", live.write())
    make_pod(plane, live.namespace)
    started = MeshGateway(plane, live.namespace, live.folder, live.listen_port, live.folder.parent / "gateway")
    yield started
    started.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows no credential."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.longrepr = identity.scrubbed(str(report.longrepr))
