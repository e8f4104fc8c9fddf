"""Only one of the two ways: each component alone is a whole configuration, and leaves the other way shut.

Each has a gateway of its own, in a network namespace with nothing else in it.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bed import identity, production
from bed.gateway import Gateway
from bed.tls import Authority

from interception import cert_manager, direct, overlay
from interception.identities import MeshAuthority
from interception.mesh import ADDRESS, HOSTS, HTTPS_PORT, INTERCEPTED, MESH_PORT
from interception.namespaces import Namespace

PORTS = {443: HTTPS_PORT, 15443: MESH_PORT}
"""The Gateway's, and those of its pod."""

KEY = {"authorization": f"Bearer {identity.key('e2e-blue')}"}


class OneWay:
    """The gateway of istio/overlays/prod with some components."""

    def __init__(self, name: str, folder: Path, *components: str, secrets: tuple[str, ...] = (), ports: tuple[int, ...]):
        self.identities = MeshAuthority()
        self.network = Namespace(name)
        self.network.ip("address", "add", f"{ADDRESS}/32", "dev", "lo")
        listen = ",".join(f"{port}={ADDRESS}:{PORTS[port]}" for port in ports)
        istio = production.with_components(folder / "operator", production.ISTIO, *components)
        cert_manager.write_secrets(istio, folder / "gateway" / "secrets", secrets)
        own = self.identities.workload(folder / "identity", "ai-gateway-prod", "ai-gateway")
        authority = Authority(folder / "authority")
        # Nobody calls a provider here.
        upstreams = dict.fromkeys(HOSTS.values(), "https://127.0.0.1:1")
        self.gateway: Gateway = self.network.run(lambda: production.start(
            name, folder / "gateway", authority, upstreams, istio=istio, arguments=("-listen", listen, "-workload-cert", own)))

    def close(self) -> None:
        self.network.run(self.gateway.stop)
        self.network.close()

    def ask(self, port: int, host: str, *, certificate: Path | None = None, headers: dict[str, str] | None = None) -> int:
        """The status of what is answered."""
        answer = direct.tls(self.network, ADDRESS, port, host=host, certificate=certificate, headers=headers)
        return int(answer.split(b" ", 2)[1])

    def refused_by_envoy(self) -> list[str]:
        """What Envoy didn't take of its configuration."""
        def read() -> list[dict]:
            with urllib.request.urlopen(f"http://{self.gateway.admin}/config_dump?resource=dynamic_listeners", timeout=10) as answer:
                return json.load(answer)["configs"]

        return [listener["error_state"]["details"] for listener in self.network.run(read) if "error_state" in listener]


@contextmanager
def one_way(*arguments, **options) -> Iterator[OneWay]:
    started = OneWay(*arguments, **options)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture(scope="module")
def plain_only(mesh, tmp_path_factory) -> Iterator[OneWay]:
    """The way of the mesh's identity, before there is any tenant."""
    with one_way("plain-only", tmp_path_factory.mktemp("plain-only"), *overlay.PLAIN, ports=(443, 15443)) as started:
        yield started


@pytest.fixture(scope="module")
def tls_only(mesh, tmp_path_factory) -> Iterator[OneWay]:
    with one_way("tls-only", tmp_path_factory.mktemp("tls-only"), *overlay.TLS, secrets=(INTERCEPTED,), ports=(443,)) as started:
        yield started


@pytest.fixture
def workload(tmp_path):
    """The certificate of a workload in a gateway's mesh."""
    return lambda way: way.identities.workload(tmp_path / "workload", overlay.KNOWN, overlay.ACCOUNT)


@pytest.mark.parametrize("way", ["plain_only", "tls_only"])
def test_a_component_alone_is_a_whole_configuration(request, way):
    opened = request.getfixturevalue(way)
    assert opened.refused_by_envoy() == []
    assert opened.ask(HTTPS_PORT, production.HOST, headers=KEY) == 200
    assert opened.ask(HTTPS_PORT, production.HOST) == 401


def test_before_there_is_a_tenant_the_plain_way_lets_no_workload_in(plain_only, workload):
    certificate = workload(plain_only)
    assert plain_only.ask(MESH_PORT, "api.openai.com", certificate=certificate) == 401
    assert plain_only.ask(MESH_PORT, "api.openai.com", certificate=certificate, headers=KEY) == 401, "a key isn't its credential"


def test_without_the_component_for_tls_the_gateway_does_not_stand_for_a_provider(plain_only):
    with pytest.raises(direct.Refused):
        plain_only.ask(HTTPS_PORT, "api.openai.com", headers=KEY)


def test_with_tls_alone_a_key_is_answered_by_the_providers_name(tls_only):
    assert tls_only.ask(HTTPS_PORT, "api.openai.com", headers=KEY) == 200
    assert tls_only.ask(HTTPS_PORT, "api.openai.com") == 401


def test_without_the_component_for_the_mesh_its_port_is_shut(tls_only, workload):
    with pytest.raises(direct.Refused):
        tls_only.ask(MESH_PORT, "api.openai.com", certificate=workload(tls_only), headers=KEY)
