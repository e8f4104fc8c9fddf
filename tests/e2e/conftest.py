"""Fixtures: providers, gateways, clients, and what is checked after every test.

Two gateways serve almost all tests, both on the shipped overlay with the
tests' tenants added: `gateway` in front of the scripted providers, and
`aimock_gateway` in front of aimock. A test that needs another configuration
asks `gateway_with` for a gateway of its own.

After each test, for each gateway that it used: no VM has trapped, every
worker still answers, every script was used, and no script failed.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import anthropic
import httpx
import openai
import pytest

from bed import identity, overlay, raw
from bed.deadline import eventually
from bed.gateway import OVERLAY, Gateway
from bed.nodejs import Aimock
from providers.scripted import ProviderLoop, ScriptedProvider

MAX_GATEWAYS = 8
"""Gateways that one run may start, the two common ones included."""

PROBES_PER_WORKER = 6
"""Connections per worker after each test; the kernel spreads them, so a worker is missed rarely."""

HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com", "vllm": "vllm.models.example.com"}

SDK_TIMEOUT = 20.0

NO_TLS = ssl.create_default_context()
"""Clients speak plain HTTP here; one context for all spares each the reading of the system's CAs."""


# --- providers ---------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def _providers() -> Iterator[dict[str, ScriptedProvider]]:
    loop = ProviderLoop()
    yield {name: ScriptedProvider(name, loop) for name in HOSTS}
    loop.stop()


@pytest.fixture
def providers(_providers) -> Iterator[dict[str, ScriptedProvider]]:
    """The three scripted providers, empty at the start; at the end every script must have been used."""
    for provider in _providers.values():
        provider.reset()
    yield _providers
    for provider in _providers.values():
        assert provider.failures == []
        assert provider.unused_scripts == 0, f"{provider.name} wasn't asked as often as the test scripted"


@pytest.fixture
def openai_provider(providers) -> ScriptedProvider:
    return providers["openai"]


@pytest.fixture
def anthropic_provider(providers) -> ScriptedProvider:
    return providers["anthropic"]


@pytest.fixture
def vllm_provider(providers) -> ScriptedProvider:
    return providers["vllm"]


@pytest.fixture(scope="session")
def aimock() -> Iterator[Aimock]:
    mock = Aimock()
    yield mock
    mock.stop()


# --- gateways ------------------------------------------------------------------------------------

class Gateways:
    """The gateways of a run: started when first asked for, stopped at its end."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._asked_for: set[str] = set()
        self.running: dict[str, Gateway] = {}

    def get(self, name: str, upstreams: dict[str, str], extra: dict[str, dict] | None = None) -> Gateway:
        if name not in self.running:
            if name in self._asked_for:
                raise AssertionError(f"the gateway {name} didn't start; the first test that asked for it says why")
            if len(self._asked_for) >= MAX_GATEWAYS:
                raise AssertionError("too many gateways in one run; share one")
            self._asked_for.add(name)
            folder = self._folder / name
            written = overlay.write(folder / "overlay", OVERLAY, extra)
            self.running[name] = Gateway(name, written, upstreams, folder)
        return self.running[name]

    def stop(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda gateway: gateway.stop(), self.running.values()))


@pytest.fixture(scope="session")
def _gateways(tmp_path_factory, _providers) -> Iterator[Gateways]:
    gateways = Gateways(tmp_path_factory.mktemp("gateways"))
    yield gateways
    for gateway in gateways.running.values():
        gateway.mark()
        gateway.assert_no_vm_has_trapped()
    gateways.stop()


@pytest.fixture(scope="session")
def _scripted_upstreams(_providers) -> dict[str, str]:
    return {HOSTS[name]: provider.url for name, provider in _providers.items()}


@pytest.fixture
def gateway(_gateways, _scripted_upstreams, providers, _watch) -> Gateway:
    """The gateway in front of the scripted providers."""
    return _watch(_gateways.get("scripted", _scripted_upstreams))


@pytest.fixture
def aimock_gateway(_gateways, aimock, _watch) -> Gateway:
    """The gateway in front of aimock, which plays all three providers."""
    return _watch(_gateways.get("aimock", {host: aimock.url for host in HOSTS.values()}))


@pytest.fixture
def gateway_with(_gateways, _scripted_upstreams, providers, _watch) -> Callable[..., Gateway]:
    """A gateway with more in its plugins' configuration: `gateway_with("name", {plugin: {...}})`.
    Tests that name the same configuration share the gateway."""

    def start(name: str, extra: dict[str, dict]) -> Gateway:
        return _watch(_gateways.get(name, _scripted_upstreams, extra))

    return start


# --- what is checked after every test -----------------------------------------------------------

@pytest.fixture
def _watch(request) -> Iterator[Callable[[Gateway], Gateway]]:
    """Watches the gateways that a test uses; afterwards none may hold a dead VM."""
    watched = {}

    def watch(gateway: Gateway) -> Gateway:
        watched.setdefault(gateway, gateway.log_sizes())
        return gateway

    request.node.watched_gateways = watched
    yield watch
    for gateway in watched:
        _every_worker_answers(gateway)
        gateway.assert_no_vm_has_trapped()


def _every_worker_answers(gateway: Gateway) -> None:
    """New connections, all open at once, so that the kernel spreads them over the workers."""
    headers = [("authorization", f"Bearer {identity.key('e2e-probe')}")]
    asked = raw.request("GET", "/v1/models", headers)
    with ExitStack() as open_connections:
        probes = [open_connections.enter_context(raw.Connection(gateway.host_port))
                  for _ in range(PROBES_PER_WORKER * gateway.workers)]
        for probe in probes:
            probe.send(asked, "GET")
        statuses = {probe.answer().status for probe in probes}
    assert statuses == {200}, "a worker doesn't answer as it should"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its gateways logged meanwhile, and no credential anywhere."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.longrepr = identity.scrubbed(str(report.longrepr))
        for gateway, mark in getattr(item, "watched_gateways", {}).items():
            lines = gateway.log_since(mark).splitlines()
            log = "\n".join(line for line in lines if '"ai_tenant":"e2e-probe"' not in line)
            report.sections.append((f"log of gateway {gateway.name}", identity.scrubbed(log)[-8000:]))


# --- clients --------------------------------------------------------------------------------------

class Clients:
    """The official SDKs and a plain HTTP client, pointed at one gateway, closed at the end.
    None of them retries: a test counts what arrives."""

    def __init__(self, gateway: Gateway):
        self._gateway = gateway
        self._open: list = []

    def openai(self, tenant: str = "e2e-blue", **options) -> openai.OpenAI:
        options = {"api_key": identity.key(tenant), **options}
        transport = openai.DefaultHttpxClient(verify=NO_TLS)
        return self._kept(openai.OpenAI(base_url=f"{self._gateway.url}/v1", max_retries=0,
                                        timeout=SDK_TIMEOUT, http_client=transport, **options))

    def anthropic(self, tenant: str = "e2e-blue", **options) -> anthropic.Anthropic:
        options = {"api_key": identity.key(tenant), **options}
        transport = anthropic.DefaultHttpxClient(verify=NO_TLS)
        return self._kept(anthropic.Anthropic(base_url=self._gateway.url, max_retries=0,
                                              timeout=SDK_TIMEOUT, http_client=transport, **options))

    def http(self, tenant: str | None = "e2e-blue", **headers: str) -> httpx.Client:
        """Plain HTTP with the tenant's key as a bearer token, or without a key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if tenant is not None:
            sent["authorization"] = f"Bearer {identity.key(tenant)}"
        return self._kept(httpx.Client(base_url=self._gateway.url, headers=sent, timeout=SDK_TIMEOUT, verify=NO_TLS))

    def close(self) -> None:
        for client in self._open:
            client.close()

    def _kept(self, client):
        self._open.append(client)
        return client


@pytest.fixture
def clients(gateway) -> Iterator[Clients]:
    """Clients of `gateway`."""
    pointed = Clients(gateway)
    yield pointed
    pointed.close()


@pytest.fixture
def aimock_clients(aimock_gateway) -> Iterator[Clients]:
    """Clients of `aimock_gateway`."""
    pointed = Clients(aimock_gateway)
    yield pointed
    pointed.close()


@pytest.fixture
def clients_of() -> Iterator[Callable[[Gateway], Clients]]:
    """Clients of any gateway."""
    made: list[Clients] = []

    def make(gateway: Gateway) -> Clients:
        made.append(Clients(gateway))
        return made[-1]

    yield make
    for one in made:
        one.close()


# --- time --------------------------------------------------------------------------------------------

@pytest.fixture
def one_minute() -> None:
    """Limits count in whole minutes of the clock: what counts calls must not begin at a minute's end."""
    eventually(lambda: time.time() % 60 < 50, seconds=20, what="a minute with ten seconds left")
