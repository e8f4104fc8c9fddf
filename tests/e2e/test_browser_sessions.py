"""istio/components/oauth2: a host for browsers, whose sessions a proxy checks by ext_authz."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from bed import bodies, identity, production
from bed.sessions import COOKIE, PERSON, SessionCheck
from bed.tls import Authority, Loopback, TlsFront
from test_production import chain, of_interest

WEB = "ai-gateway-web.example.com"
BROWSERS = "e2e-green"
"""The tenant that everybody is who signed in."""


@pytest.fixture(scope="module")
def sessions() -> Iterator[SessionCheck]:
    check = SessionCheck()
    yield check
    check.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def web(_providers, sessions, authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    openai = TlsFront(_providers["openai"]._providers, authority.server("api.openai.com"), _providers["openai"].port)
    gateway = production.start(
        "web", folder, authority,
        {"api.openai.com": openai.url, "oauth2-proxy.ai-gateway-prod.svc.cluster.local": sessions.url},
        istio=production.with_components(folder / "istio", production.ISTIO, "istio/components/oauth2"),
        manifests=production.with_components(folder / "manifests", production.MANIFESTS, "manifests/components/browser-key"),
        hosts=(production.HOST, WEB), environment={"AI_BROWSER_KEY": identity.key(BROWSERS)})
    yield gateway
    gateway.assert_no_vm_has_trapped()
    gateway.stop()
    openai.stop()


@pytest.fixture
def client(web, authority):
    made = []

    def make(host: str = WEB, **headers: str) -> httpx.Client:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        made.append(httpx.Client(base_url=f"https://{host}:{web.host_port[1]}", headers=sent, timeout=20,
                                 transport=Loopback(authority.client())))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ask(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/chat/completions", content=bodies.chat(identity.fresh()), headers={"content-type": "application/json"})


def test_a_session_asks_as_the_tenant_of_browsers_and_the_log_knows_who(web, client, openai_provider):
    before = web.log_sizes()
    assert ask(client(cookie=COOKIE)).status_code == 200
    entry = web.wait_for_entry(before, ai_tenant=BROWSERS)
    assert entry["browser_user"] == PERSON


def test_the_provider_sees_nothing_of_the_session(client, openai_provider):
    assert ask(client(cookie=COOKIE)).status_code == 200
    sent = openai_provider.last
    assert not {"cookie", "x-auth-request-user", "gap-auth"} & sent.header_names()
    assert sent.header("authorization") == f"Bearer {identity.PROVIDER_KEYS['openai']}"


def test_without_a_session_nobody_asks_anything(client, openai_provider):
    answer = ask(client())
    assert answer.status_code == 403
    assert answer.json()["error"]["code"]
    assert openai_provider.requests == []


@pytest.mark.parametrize("header", ["x_auth_request_user", "x_forwarded_user", "gap_auth"])
def test_a_header_that_says_who_one_is_says_nothing(web, client, header, openai_provider):
    assert ask(client(**{header: "the-board"})).status_code == 403
    assert openai_provider.requests == []
    before = web.log_sizes()
    assert ask(client(cookie=COOKIE, **{header: "the-board"})).status_code == 200
    assert web.wait_for_entry(before, ai_tenant=BROWSERS)["browser_user"] == PERSON


def test_on_the_other_host_such_a_header_says_nothing_either(web, client, openai_provider):
    before = web.log_sizes()
    key = f"Bearer {identity.key('e2e-blue')}"
    assert ask(client(production.HOST, authorization=key, x_auth_request_user="the-board")).status_code == 200
    assert web.wait_for_entry(before, ai_tenant="e2e-blue")["browser_user"] is None


@pytest.mark.parametrize("header", ["authorization", "x_api_key", "api_key", "x_goog_api_key"])
def test_a_key_that_a_browser_sends_takes_no_part(web, client, header, openai_provider):
    key = identity.key("e2e-blue")
    before = web.log_sizes()
    assert ask(client(cookie=COOKIE, **{header: f"Bearer {key}" if header == "authorization" else key})).status_code == 200
    assert web.wait_for_entry(before, browser_user=PERSON)["ai_tenant"] == BROWSERS


def test_signing_in_is_the_proxys_answer(client):
    answer = client().get("/oauth/start?rd=/v1/models")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("https://oauth.example.com/")
    assert "__Secure-ai-gateway_csrf" in answer.headers["set-cookie"]


def test_what_a_session_may_not_ask_for_is_refused_before_any_filter(client, openai_provider):
    for path in ("/v1/files", "/v1/fine_tuning/jobs", "/anything"):
        assert client(cookie=COOKIE).get(path).status_code == 404
    assert openai_provider.requests == []


def test_the_other_host_never_asks_for_a_session(client, sessions, openai_provider):
    asked = len(sessions.requests)
    assert ask(client(production.HOST, authorization=f"Bearer {identity.key('e2e-blue')}")).status_code == 200
    assert len(sessions.requests) == asked


def test_a_session_is_nothing_on_the_other_host(client, openai_provider):
    assert ask(client(production.HOST, cookie=COOKIE)).status_code == 401


def test_the_check_sees_no_body_and_no_key(client, sessions, openai_provider):
    ask(client(cookie=COOKIE))
    method, path, headers = sessions.requests[-1]
    assert (method, path) == ("POST", "/v1/chat/completions")
    assert headers.get("content-length", "0") == "0"
    assert identity.key(BROWSERS) not in str(headers)


def test_the_session_is_checked_before_auth_and_behind_the_rate_limit(web):
    names = of_interest(chain(web.admin))
    assert names[0] == "local_ratelimit"
    behind = names[names.index("ext_authz"):names.index("auth") + 1]
    assert sorted(behind[1:-1]) == ["browser-credential", "set_filter_state"]
    assert names.index("rbac") < names.index("ext_authz") < names.index("auth")


def test_a_check_that_cannot_be_made_is_a_refusal(web, client, sessions, openai_provider):
    """Last in this file: it takes the proxy away."""
    sessions.stop()
    assert ask(client(cookie=COOKIE)).status_code == 503
    assert openai_provider.requests == []
    assert ask(client(production.HOST, authorization=f"Bearer {identity.key('e2e-blue')}")).status_code == 200
