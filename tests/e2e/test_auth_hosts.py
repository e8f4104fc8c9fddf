"""Which hosts are governed, as a real Envoy hands them over: what a client writes there opens nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bed import raw
from bed.static_envoy import StaticEnvoy, auth_filter
from bed.tokens import sha256

TENANT = {"tenants": {"t": {"plan": "p", "models": ["*"]}}, "keys": {"k": {"sha256": sha256("a-key"), "tenant": "t"}}}
NAMED = {"hosts": {"gateway": {"authority": "ai.example.com"}}, **TENANT}
OTHER_PORTS = {"hosts": {"every": {"authority": "*"}, "mesh": {"authority": "ai.example.com", "ports": [1]}}, **TENANT}


@pytest.fixture(scope="module")
def envoy(tmp_path_factory) -> Iterator[StaticEnvoy]:
    running = StaticEnvoy(tmp_path_factory.mktemp("hosts"), {
        "named": [auth_filter("auth-named", NAMED)], "ports": [auth_filter("auth-ports", OTHER_PORTS)]})
    yield running
    running.stop()


@pytest.mark.parametrize("host", [
    "ai.example.com", "AI.example.com:", "ai.example.com.:443", "ai.example.com:x", "ai.example.com:80:80",
    "ai.example.com:0x50", "ai.example.com:+80", "ai.example.com..", "ai.example.com.:x", "u@ai.example.com",
    "ai%2eexample.com", "ai.example.com,x", "[ai.example.com]"])
def test_no_way_to_write_a_host_gets_past_the_door(envoy, host):
    assert _status(envoy, "named", host) in (400, 401)


@pytest.mark.parametrize("host", ["shop.example.com", "shop.example.com:8443", "[::1]:80"])
def test_another_host_passes(envoy, host):
    assert _status(envoy, "named", host) == 200


def test_a_host_that_is_named_for_another_port_only_takes_no_credential_of_a_wider_entry(envoy):
    assert _status(envoy, "ports", "shop.example.com", "a-key") == 200
    assert _status(envoy, "ports", "ai.example.com", "a-key") == 401


def _status(envoy: StaticEnvoy, listener: str, host: str, key: str | None = None) -> int:
    headers = [("x-api-key", key)] if key else []
    return raw.send(envoy.address(listener), raw.request("GET", "/v1/models", headers, host=host), "GET").status
