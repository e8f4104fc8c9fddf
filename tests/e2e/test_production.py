"""istio/overlays/prod, by Istio's own pilot in a real Envoy: TLS on both sides, and the whole mesh configuration."""

from __future__ import annotations

import json
import os
import re
import ssl
import urllib.request
import warnings
from collections.abc import Iterator

import httpx
import openai
import pytest

from bed import identity, production
from bed.bodies import message, user
from bed.deadline import eventually
from bed.tls import Authority, Loopback, TlsFront
from providers import openai_wire, scripts

STRANGER = "vllm.models.example.com"
"""The provider whose stand-in shows a certificate for another name."""

UNKNOWN = "api.anthropic.com"
"""The provider whose stand-in shows a certificate of a CA that the gateway doesn't know."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def fronts(_providers, authority, tmp_path_factory) -> Iterator[dict[str, TlsFront]]:
    loop = _providers["openai"]._providers
    other = Authority(tmp_path_factory.mktemp("another-authority"))
    made = {
        "api.openai.com": TlsFront(loop, authority.server("api.openai.com"), _providers["openai"].port),
        STRANGER: TlsFront(loop, authority.server("somebody-else.example.com"), _providers["vllm"].port),
        UNKNOWN: TlsFront(loop, other.server(UNKNOWN), _providers["anthropic"].port),
    }
    yield made
    for front in made.values():
        front.stop()


@pytest.fixture(scope="module")
def prod(fronts, authority, tmp_path_factory):
    gateway = production.start("prod", tmp_path_factory.mktemp("prod"), authority,
                               {host: front.url for host, front in fronts.items()})
    yield gateway
    gateway.assert_no_vm_has_trapped()
    gateway.stop()


class Clients:
    """OpenAI's SDK and a plain client, at the gateway's own host over TLS."""

    def __init__(self, gateway, context: ssl.SSLContext, host: str = production.HOST):
        self.url = f"https://{host}:{gateway.host_port[1]}"
        self.context = context

    def openai(self, key: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0,
                             http_client=httpx.Client(transport=Loopback(self.context), timeout=20))

    def http(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, transport=Loopback(self.context), timeout=20)


@pytest.fixture
def clients(prod, authority) -> Clients:
    return Clients(prod, authority.client())


BLUE = identity.key("e2e-blue")


def test_an_sdk_call_passes_with_verified_tls_on_both_sides(clients, prod, fronts, openai_provider):
    before = prod.log_sizes()
    answer = clients.openai(BLUE).chat.completions.create(model="plain-gpt", messages=user(text := identity.fresh()))
    assert text in answer.choices[0].message.content
    assert fronts["api.openai.com"].names[-1] == "api.openai.com"
    assert openai_provider.last.header("authorization") == f"Bearer {identity.PROVIDER_KEYS['openai']}"
    entry = prod.wait_for_entry(before, ai_tenant="e2e-blue")
    assert (entry["status"], entry["upstream_cluster"].rstrip(";")) == (200, "outbound|443||api.openai.com")


def test_a_stream_passes(clients, openai_provider):
    stream = clients.openai(BLUE).chat.completions.create(model="plain-gpt", messages=user(text := identity.fresh()), stream=True)
    assert text in "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def test_a_provider_with_a_certificate_for_another_name_is_not_called(clients, prod, vllm_provider):
    before = prod.log_sizes()
    with pytest.raises(openai.InternalServerError) as refused:
        clients.openai(BLUE).chat.completions.create(model="plain-vllm", messages=user(identity.fresh()))
    assert refused.value.status_code == 503
    assert vllm_provider.requests == []
    entry = prod.wait_for_entry(before, ai_provider="vllm")
    assert "CERTIFICATE_VERIFY_FAILED" in entry["upstream_transport_failure_reason"]
    if production.envoy_version() >= (1, 37):  # older ones don't say what it was
        assert "SAN" in entry["upstream_transport_failure_reason"]


def test_a_provider_with_a_certificate_of_an_unknown_ca_is_not_called(clients, prod, anthropic_provider):
    before = prod.log_sizes()
    answer = clients.http(**{"x-api-key": BLUE, "content-type": "application/json"}).post(
        "/v1/messages", content=message(identity.fresh()))
    assert (answer.status_code, answer.json()["type"]) == (503, "error")
    assert anthropic_provider.requests == []
    entry = prod.wait_for_entry(before, ai_provider="anthropic")
    assert "CERTIFICATE_VERIFY_FAILED" in entry["upstream_transport_failure_reason"]


def test_a_fallback_is_verified_too(clients, openai_provider, vllm_provider):
    """safe-gpt falls back to the provider whose certificate is for another name."""
    openai_provider.script(scripts.openai_error(503))
    with pytest.raises(openai.APIStatusError):
        clients.openai(BLUE).chat.completions.create(model="safe-gpt", messages=user(identity.fresh()))
    assert vllm_provider.requests == []


def test_a_client_without_a_key_is_refused(clients):
    with pytest.raises(openai.AuthenticationError):
        clients.openai("sk-nobodys").models.list()


@pytest.mark.parametrize("key", ["sk-demo-team-a", "sk-example-payments", "sk-example-research"])
def test_a_published_key_opens_nothing(clients, key):
    with pytest.raises(openai.AuthenticationError):
        clients.openai(key).models.list()


def test_another_host_is_not_served(prod, authority, clients):
    """By its name in TLS, and by its name in the request on a connection to the right one."""
    unknown = Clients(prod, ssl._create_unverified_context(), "other.example.com").http(authorization=f"Bearer {BLUE}")
    with pytest.raises(httpx.ConnectError):
        unknown.get("/v1/models")
    answer = clients.http(authorization=f"Bearer {BLUE}", host="other.example.com").get("/v1/models")
    assert answer.status_code in (403, 404, 421)


def test_plain_http_is_not_served(prod):
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        httpx.get(f"http://127.0.0.1:{prod.host_port[1]}/v1/models")


def test_old_tls_is_not_spoken(prod, authority):
    context = authority.client()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(httpx.ConnectError):
        Clients(prod, context).http().get("/v1/models")


def test_both_environments_write_the_same_line(prod, gateway, clients, openai_provider):
    """By Istio's Telemetry and the mesh's provider here, by the gateway's own filter there."""
    before, mark = prod.log_sizes(), gateway.mark()
    clients.openai(BLUE).models.list()
    httpx.get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {BLUE}"})
    mine = prod.wait_for_entry(before, path="/v1/models", ai_tenant="e2e-blue")
    other = gateway.wait_for_entry(mark, path="/v1/models", ai_tenant="e2e-blue")
    assert mine.keys() == other.keys()
    assert len(mine["trace_id"]) == 32


def test_what_the_autoscaler_asks_for_and_what_the_drain_waits_for_is_published(prod, clients):
    """manifests/components/scale-on-requests and Istio's agent read these; `proxyStatsMatcher` lets them out."""
    clients.openai(BLUE).models.list()
    with urllib.request.urlopen(f"http://{prod.admin}/stats/prometheus", timeout=10) as answer:
        published = answer.read().decode()
    assert re.search(r'^envoy_http_downstream_rq_total\{http_conn_manager_prefix="outbound_[^"]+"\} [1-9]', published, re.MULTILINE)
    assert re.search(r"^envoy_listener_downstream_cx_active\{", published, re.MULTILINE)
    assert "envoy_http_local_rate_limiter_http_local_rate_limit_rate_limited" in published


# --- the chain -------------------------------------------------------------------------------------------

PLUGINS = ["pii-redactor", "token-counter", "model-router", "response-cache"]


def chain(admin: str) -> list[str]:
    """The HTTP filters of the first listener, as Envoy runs them; a plugin by its own name."""
    with urllib.request.urlopen(f"http://{admin}/config_dump?resource=dynamic_listeners", timeout=10) as answer:
        listeners = json.load(answer)["configs"]
    for listener in listeners:
        for filter_chain in listener["active_state"]["listener"]["filter_chains"]:
            for network in filter_chain["filters"]:
                if network["name"] == "envoy.filters.network.http_connection_manager":
                    return [short(f["name"]) for f in network["typed_config"]["http_filters"]]
    raise AssertionError("no listener has HTTP filters")


def short(name: str) -> str:
    """`…/ai-gateway-prod.auth~istio-translated-wasmplugin` and `…/ai-gateway-prod.auth` are both `auth`."""
    name = name.rsplit("/", 1)[-1].partition("~")[0]
    return name.removeprefix("ai-gateway-dev.").removeprefix("ai-gateway-prod.").removeprefix("envoy.filters.http.")


def of_interest(names: list[str]) -> list[str]:
    """Without Istio's own additions, which stand behind all of ours, and RBAC once where it stands twice in a row."""
    kept = [n for n in names if n not in ("grpc_stats", "fault", "cors", "alpn", "istio.stats", "istio.metadata_exchange")]
    return [n for i, n in enumerate(kept) if i == 0 or n != kept[i - 1]]


def test_the_filters_stand_in_the_order_of_the_design_in_production(prod):
    assert of_interest(chain(prod.admin)) == ["local_ratelimit", "auth", "rbac", *PLUGINS, "buffer", "model-router-upstream", "router"]


def test_the_filters_stand_in_the_order_of_the_design_in_development(gateway):
    assert of_interest(chain(gateway.admin)) == ["auth", "rbac", *PLUGINS, "buffer", "model-router-upstream", "router"]


def test_nothing_was_refused_by_envoy(prod):
    with urllib.request.urlopen(f"http://{prod.admin}/config_dump", timeout=10) as answer:
        assert "error_state" not in answer.read().decode()


# --- a pod that leaves, and a flood ------------------------------------------------------------------------

@pytest.fixture
def one_more(fronts, authority, tmp_path):
    """A production gateway for one test: `one_more(overlay, *arguments of the runner)`."""
    started = []

    def start(istio=production.ISTIO, *arguments: str):
        upstreams = {host: front.url for host, front in fronts.items()}
        started.append(production.start("one-more", tmp_path / "one-more", authority, upstreams, istio=istio, arguments=arguments))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


def test_a_pod_that_leaves_finishes_its_streams_and_takes_no_new_ones(one_more, authority, openai_provider):
    """What Istio's agent asks of Envoy when the pod gets SIGTERM: `drain_listeners?graceful`. The drain takes a second
    here, and the stream is let go only when the listeners are closed."""
    leaving = one_more(production.ISTIO, "-envoy-args", "--drain-time-s 1")
    steps = openai_provider.steps()
    events = openai_wire.chat_events("a long answer of many words", "plain-gpt", include_usage=True)
    openai_provider.script(scripts.trickle(events, steps))
    there = Clients(leaving, authority.client())
    steps.allow(3)
    chunks = iter(there.openai(BLUE).chat.completions.create(model="plain-gpt", messages=user(identity.fresh()), stream=True))
    first = next(chunks)
    drain = urllib.request.Request(f"http://{leaving.admin}/drain_listeners?graceful", method="POST")
    urllib.request.urlopen(drain, timeout=5).close()

    def closed() -> bool:
        try:
            there.http(authorization=f"Bearer {BLUE}").get("/v1/models")
        except httpx.ConnectError:
            return True
        return False

    eventually(closed, 15, "listeners that are closed")
    steps.allow(len(events))
    rest = list(chunks)
    assert first.choices and rest[-1].choices[0].finish_reason == "stop"


def test_a_flood_gets_429_that_the_sdk_understands(one_more, authority, tmp_path):
    """The shipped bucket, made so small that one client empties it."""
    small = tmp_path / "small-bucket"
    small.mkdir()
    (small / "bucket.yaml").write_text(json.dumps([{
        "op": "replace", "path": "/spec/configPatches/0/patch/value/typed_config/token_bucket",
        "value": {"max_tokens": 2, "tokens_per_fill": 2, "fill_interval": "3600s"}}]))
    (small / "kustomization.yaml").write_text(json.dumps({
        "resources": [os.path.relpath(production.ISTIO, small.resolve())],
        "patches": [{"path": "bucket.yaml", "target": {"kind": "EnvoyFilter", "name": "local-rate-limit"}}]}))
    client = Clients(one_more(small), authority.client()).openai(BLUE)
    for _ in range(2):
        client.models.list()
    with pytest.raises(openai.RateLimitError) as refused:
        client.models.list()
    assert refused.value.response.headers["retry-after"] == "1"
    assert refused.value.body["code"] == "rate_limit_exceeded"
