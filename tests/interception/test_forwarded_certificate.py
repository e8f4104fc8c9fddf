"""The mesh's identity from `x-forwarded-client-cert`: only where the listener writes that header itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from bed import production
from bed.gateway import REPOSITORY

from interception import overlay
from interception.alone import Alone, alone, patched
from interception.mesh import MESH_PORT

FROM_THE_HEADER = {
    "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin", "metadata": {"name": "auth", "namespace": "ai-gateway-prod"},
    "spec": {"pluginConfig": {"mesh": {"from": "forwardedClientCert"}}}}
SAYS_WHO = {"x-forwarded-client-cert": f"URI=spiffe://cluster.local/ns/{overlay.KNOWN}/sa/{overlay.ACCOUNT}"}
PROXY = "proxy.istio.io/config"


@pytest.fixture(scope="module")
def set_by_the_listener(mesh, tmp_path_factory) -> Iterator[Alone]:
    folder = tmp_path_factory.mktemp("set-by-the-listener")
    with _gateway("set-by-listener", folder, manifests=_with(folder / "manifests", "SANITIZE_SET")) as started:
        yield started


@pytest.fixture(scope="module")
def as_shipped(mesh, tmp_path_factory) -> Iterator[Alone]:
    with _gateway("removed", tmp_path_factory.mktemp("as-shipped")) as started:
        yield started


def test_a_workload_is_known_by_the_header_that_the_listener_writes(set_by_the_listener, tmp_path):
    assert _ask(set_by_the_listener, tmp_path, overlay.KNOWN) == 200


def test_a_header_of_the_workloads_own_makes_it_nobody_else(set_by_the_listener, tmp_path):
    assert _ask(set_by_the_listener, tmp_path, overlay.UNKNOWN, SAYS_WHO) == 401


@pytest.mark.parametrize("headers", [None, SAYS_WHO], ids=["none sent", "one sent"])
@pytest.mark.parametrize("namespace", [overlay.KNOWN, overlay.UNKNOWN])
def test_where_the_listener_removes_the_header_nobody_is_known_by_it(as_shipped, tmp_path, namespace, headers):
    assert _ask(as_shipped, tmp_path, namespace, headers) == 401


def _gateway(name: str, folder: Path, **options):
    return alone(name, folder, *overlay.PLAIN, "manifests/tenants/payments/gateway", ports=(443, 15443), patches=(FROM_THE_HEADER,), **options)


def _with(folder: Path, details: str) -> Path:
    """The shipped workload, with another way to treat the header."""
    (deployment,) = yaml.safe_load_all((REPOSITORY / "manifests/base/deployment.yaml").read_text())
    proxy = yaml.safe_load(deployment["spec"]["template"]["metadata"]["annotations"][PROXY])
    proxy["gatewayTopology"]["forwardClientCertDetails"] = details
    return patched(folder, production.MANIFESTS, {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ai-gateway", "namespace": "ai-gateway-prod"},
        "spec": {"template": {"metadata": {"annotations": {PROXY: yaml.safe_dump(proxy)}}}}})


def _ask(gateway: Alone, folder: Path, namespace: str, headers: dict[str, str] | None = None) -> int:
    certificate = gateway.identities.workload(folder / "workload", namespace, overlay.ACCOUNT)
    return gateway.ask(MESH_PORT, "api.openai.com", certificate=certificate, headers=headers)
