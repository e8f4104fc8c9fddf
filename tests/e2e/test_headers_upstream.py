"""What a provider learns from headers: its own credential, and nothing of the client or the mesh."""

from __future__ import annotations

import pytest

from bed import bodies, identity, raw
from providers import openai_wire, scripts

CLIENT_SECRETS = [
    ("authorization", f"Bearer {identity.key('e2e-blue')}"),
    ("x-api-key", "client-secret-1"),
    ("api-key", "client-secret-2"),
    ("x-goog-api-key", "client-secret-3"),
    ("cookie", "session=client-secret-4"),
    ("proxy-authorization", "Basic client-secret-5"),
]
OF_THE_MESH = [
    ("x-forwarded-for", "10.1.2.3"),
    ("x-forwarded-host", "gateway.internal"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-client-cert", "By=spiffe://cluster.local/ns/a/sa/b"),
    ("forwarded", "for=10.1.2.3"),
    ("via", "1.1 inner-proxy"),
    ("x-real-ip", "10.1.2.3"),
    ("x-envoy-external-address", "10.1.2.3"),
    ("x-envoy-decorator-operation", "gateway.internal:80/*"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "vendor=value"),
    ("baggage", "user=ada"),
    ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"),
    ("x-b3-traceid", "0af7651916cd43dd8448eb211c80319c"),
    ("x-ai-provider", "openai"),
]
PATHS = {"openai": "/v1/chat/completions", "vllm": "/v1/chat/completions", "anthropic": "/v1/messages"}
CREDENTIAL_HEADERS = {"authorization", "x-api-key", "api-key", "x-goog-api-key"}


def ask(gateway, provider, headers, path=None, **members):
    model = {"openai": "plain-gpt", "vllm": "plain-vllm", "anthropic": "plain-claude"}[provider.name]
    path = path or PATHS[provider.name]
    make = bodies.message if path == "/v1/messages" else bodies.chat
    body = make(identity.fresh(), model, **members)
    sent = [("content-type", "application/json"), *headers]
    assert raw.send(gateway.host_port, raw.request("POST", path, sent, body)).status == 200
    return provider.last


@pytest.mark.parametrize("name", ["openai", "vllm", "anthropic"])
def test_no_credential_of_the_client_and_one_of_the_provider(gateway, providers, name):
    seen = ask(gateway, providers[name], CLIENT_SECRETS)
    spelled = str(seen.headers)
    assert "client-secret" not in spelled and identity.key("e2e-blue") not in spelled
    sent = {header: seen.header(header) for header in CREDENTIAL_HEADERS if seen.header(header) is not None}
    key = identity.PROVIDER_KEYS[name]
    assert sent == ({"x-api-key": key} if name == "anthropic" else {"authorization": f"Bearer {key}"})
    assert seen.header("cookie") is None


@pytest.mark.parametrize("name", ["openai", "vllm", "anthropic"])
def test_nothing_tells_about_the_mesh(gateway, providers, name):
    seen = ask(gateway, providers[name], [CLIENT_SECRETS[0], *OF_THE_MESH])
    assert seen.header_names() & {header for header, _ in OF_THE_MESH} == set()
    prefixes = ("x-envoy", "x-forwarded", "x-b3", "x-istio", "x-ai-")
    assert [header for header in seen.header_names() if header.startswith(prefixes)] == []
    for tell in ("10.1.2.3", "gateway.internal", "spiffe", "0af7651916cd43dd", "127.0.0.1", "ada"):
        assert tell not in str(seen.headers)


@pytest.mark.parametrize("name", ["openai", "vllm", "anthropic"])
def test_a_provider_sees_these_headers_and_no_other(gateway, providers, name):
    of_the_sdk = [("user-agent", "OpenAI/Python"), ("accept", "application/json"), ("x-stainless-os", "Linux"),
                  ("origin", "https://intranet.example.com"), ("referer", "https://intranet.example.com/page"),
                  ("x-new-thing-of-tomorrow", "1"), ("accept-language", "de"), ("te", "trailers")]
    seen = ask(gateway, providers[name], [CLIENT_SECRETS[0], *of_the_sdk])
    expected = {"host", "content-length", "content-type", "accept", "accept-encoding", "user-agent",
                "x-request-id"}
    expected |= {"x-api-key", "anthropic-version"} if name == "anthropic" else {"authorization"}
    assert seen.header_names() == expected
    assert seen.header("content-type") == "application/json"


@pytest.mark.parametrize("name", ["openai", "vllm", "anthropic"])
def test_the_provider_is_called_by_its_own_name(gateway, providers, name):
    host = {"openai": "api.openai.com", "vllm": "vllm.models.example.com", "anthropic": "api.anthropic.com"}[name]
    assert ask(gateway, providers[name], [CLIENT_SECRETS[0]]).header("host") == host


@pytest.mark.parametrize("name", ["openai", "vllm", "anthropic"])
@pytest.mark.parametrize("accepted", ["gzip, deflate, br", "gzip;q=1.0, identity;q=0", None])
def test_no_provider_is_asked_to_compress(gateway, providers, name, accepted):
    headers = [CLIENT_SECRETS[0]] + ([("accept-encoding", accepted)] if accepted else [])
    assert ask(gateway, providers[name], headers).header("accept-encoding") == "identity"


def test_headers_of_another_api_stay_here(gateway, providers):
    foreign = [("anthropic-version", "2026-10-21"), ("anthropic-beta", "a"), ("openai-organization", "org-1"),
               ("openai-project", "proj-1")]
    at_openai = ask(gateway, providers["openai"], [CLIENT_SECRETS[0], *foreign])
    assert not [header for header in at_openai.header_names() if header.startswith("anthropic")]
    at_anthropic = ask(gateway, providers["anthropic"], [CLIENT_SECRETS[0], *foreign], path="/v1/messages")
    assert not [header for header in at_anthropic.header_names() if header.startswith("openai")]
    assert at_anthropic.header("anthropic-version") == "2026-10-21"
    translated = ask(gateway, providers["anthropic"], [CLIENT_SECRETS[0], *foreign], path="/v1/chat/completions")
    assert translated.header("anthropic-version") == "2023-06-01"
    assert translated.header("anthropic-beta") is None


def test_the_credential_of_one_provider_is_not_sent_to_another(gateway, providers):
    for name, provider in providers.items():
        spelled = str(ask(gateway, provider, [CLIENT_SECRETS[0]]).headers)
        assert [other for other, key in identity.PROVIDER_KEYS.items() if key in spelled] == [name]


def test_what_tells_of_the_account_does_not_reach_the_client(gateway, openai_provider):
    openai_provider.script(scripts.json_answer(openai_wire.chat("x", "plain-gpt"), headers=[
        ("openai-organization", "org-of-the-gateway"), ("set-cookie", "a=b"), ("x-kept", "yes")]))
    answer = raw.send(gateway.host_port, raw.request(
        "POST", "/v1/chat/completions", [CLIENT_SECRETS[0]], bodies.chat(identity.fresh())))
    assert answer.header("openai-organization") is None
    assert answer.header("set-cookie") is None
    assert answer.header("x-kept") == "yes"


def test_an_answer_names_the_request_at_the_gateway_and_at_the_provider(gateway, openai_provider):
    openai_provider.script(scripts.json_answer(openai_wire.chat("x", "plain-gpt"), headers=[("x-request-id", "req_1")]))
    answer = raw.send(gateway.host_port, raw.request(
        "POST", "/v1/chat/completions", [CLIENT_SECRETS[0]], bodies.chat(identity.fresh())))
    assert answer.header("x-ai-provider-request-id") == "req_1"
    assert answer.header("x-request-id") == openai_provider.last.header("x-request-id")


def test_every_answer_names_its_request(gateway, openai_provider):
    mark = gateway.mark()
    for headers, status in (([CLIENT_SECRETS[0]], 200), ([], 401)):
        answer = raw.send(gateway.host_port, raw.request(
            "POST", "/v1/chat/completions", headers, bodies.chat(identity.fresh())))
        assert answer.status == status
        assert answer.header("x-request-id")
        entry = gateway.wait_for_entry(mark, status=status)
        assert entry["request_id"] == answer.header("x-request-id")
