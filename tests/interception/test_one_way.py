"""Only one of the two ways: each component alone is a whole configuration, and leaves the other way shut.

Each has a gateway of its own, in a network namespace with nothing else in it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bed import identity, production

from interception import direct, overlay
from interception.alone import Alone, alone
from interception.mesh import HTTPS_PORT, INTERCEPTED, MESH_PORT

KEY = {"authorization": f"Bearer {identity.key('e2e-blue')}"}


@pytest.fixture(scope="module")
def plain_only(mesh, tmp_path_factory) -> Iterator[Alone]:
    """The way of the mesh's identity, before there is any tenant."""
    with alone("plain-only", tmp_path_factory.mktemp("plain-only"), *overlay.PLAIN, ports=(443, 15443)) as started:
        yield started


@pytest.fixture(scope="module")
def tls_only(mesh, tmp_path_factory) -> Iterator[Alone]:
    with alone("tls-only", tmp_path_factory.mktemp("tls-only"), *overlay.TLS, secrets=(INTERCEPTED,), ports=(443,)) as started:
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
