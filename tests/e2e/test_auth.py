"""Who may call: keys in four headers, the documented issuers' tokens, 401 without one, and nothing that a client could forge."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import urllib.request

import anthropic
import openai
import pytest
import yaml

from bed import bodies, identity, raw
from bed.bodies import user
from bed.deadline import eventually
from bed.gateway import REPOSITORY
from bed.tokens import Rsa, good_token, key_set, rsa_key

KEY = identity.key("e2e-blue")
JSON = ("content-type", "application/json")


def post(gateway, headers, path="/v1/chat/completions", body=None, method="POST"):
    body = bodies.chat(identity.fresh()) if body is None else body
    return raw.send(gateway.host_port, raw.request(method, path, [JSON, *headers], body), method)


def test_a_call_without_a_key_never_reaches_a_provider(gateway, openai_provider):
    answer = post(gateway, [])
    assert answer.status == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.json()["error"]["type"] == "authentication_error"
    assert answer.header("content-type") == "application/json"
    assert answer.header("www-authenticate")
    assert openai_provider.requests == []


def test_a_wrong_key_is_an_authentication_error_in_both_sdks(clients, openai_provider, anthropic_provider):
    with pytest.raises(openai.AuthenticationError) as refused:
        clients.openai(api_key="sk-wrong").chat.completions.create(model="plain-gpt", messages=user("hi"))
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(anthropic.AuthenticationError) as denied:
        clients.anthropic(api_key="sk-wrong").messages.create(model="plain-claude", max_tokens=5, messages=user("hi"))
    assert denied.value.body["type"] == "error"
    assert denied.value.body["error"]["type"] == "authentication_error"
    assert openai_provider.requests == anthropic_provider.requests == []


@pytest.mark.parametrize("header", [
    ("authorization", f"Bearer {KEY}"),
    ("authorization", f"bearer {KEY}"),
    ("x-api-key", KEY),
    ("api-key", KEY),
    ("x-goog-api-key", KEY),
], ids=["Bearer", "bearer", "x-api-key", "api-key", "x-goog-api-key"])
def test_a_key_is_taken_from_each_of_four_headers(gateway, openai_provider, header):
    assert post(gateway, [header]).status == 200
    assert KEY not in str(openai_provider.last.headers)


@pytest.mark.parametrize("header", [
    ("authorization", f"Basic {KEY}"),
    ("authorization", KEY[:-1]),
    ("authorization", "Bearer "),
    ("authorization", f"Bearer {KEY} {KEY}"),
    ("x-api-key", KEY.upper()),
    ("cookie", f"key={KEY}"),
], ids=["basic", "cut", "empty", "twice", "upper-case", "cookie"])
def test_what_only_resembles_a_key_is_refused(gateway, openai_provider, header):
    assert post(gateway, [header]).status == 401
    assert openai_provider.requests == []


def test_a_provider_key_of_the_gateway_opens_nothing(gateway, openai_provider):
    key = identity.PROVIDER_KEYS["openai"]
    assert post(gateway, [("authorization", f"Bearer {key}")]).status == 401
    assert openai_provider.requests == []


def test_headers_that_look_like_facts_change_nothing_and_go_nowhere(gateway, openai_provider, vllm_provider):
    mark = gateway.mark()
    forged = [("x-ai-tenant", "e2e-green"), ("x-ai-provider", "vllm"), ("ai.tenant", "e2e-green"),
              ("x-ai-model", "other"), ("x-ai-plan", "unlimited")]
    answer = post(gateway, [("authorization", f"Bearer {KEY}"), *forged])
    assert answer.status == 200
    entry = gateway.wait_for_entry(mark, ai_traffic="openai.chat_completions")
    assert (entry["ai_tenant"], entry["ai_provider"]) == ("e2e-blue", "openai")
    assert vllm_provider.requests == []
    assert {"x-ai-tenant", "x-ai-provider", "x-ai-model", "x-ai-plan"}.isdisjoint(openai_provider.last.header_names())


def test_the_routing_header_without_a_key_is_still_401(gateway, openai_provider):
    assert post(gateway, [("x-ai-provider", "openai")]).status == 401
    assert openai_provider.requests == []


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v1/files", 403),
    ("POST", "/v1/files", 403),
    ("POST", "/v1/batches", 403),
    ("POST", "/v1/messages/batches", 403),
    ("POST", "/v1/audio/speech", 403),
    ("GET", "/v1/realtime", 403),
    ("GET", "/v1/responses/resp_123", 403),
    ("GET", "/v1/chat/completions/chatcmpl-1", 403),
    ("GET", "/v1/messages", 405),
    ("GET", "/v1/chat/completions", 405),
    ("DELETE", "/v1/models/plain-gpt", 405),
    ("POST", "/v1/chat/completions/", 404),
    ("POST", "/v1/CHAT/completions", 404),
    ("POST", "/v2/chat/completions", 404),
    ("POST", "/v1/chat/../files", 403),
    ("POST", "/v1/chat%2fcompletions", 400),
    ("POST", "/v1/models/%2e%2e/files", 403),
    ("GET", "/", 404),
])
def test_an_endpoint_that_nobody_opened_is_refused_and_reaches_no_provider(gateway, providers, method, path, status):
    answer = post(gateway, [("authorization", f"Bearer {KEY}")], path=path, method=method)
    assert answer.status == status
    assert answer.header("content-type") == "application/json"
    assert answer.json()["error"]["message"]
    assert all(provider.requests == [] for provider in providers.values())


def test_a_stranger_learns_nothing_about_what_is_open(gateway):
    statuses = {post(gateway, [], path=path).status for path in ("/v1/chat/completions", "/v1/files", "/nothing")}
    assert statuses == {401}


PREFLIGHT = [("origin", "https://app.example.com"), ("access-control-request-method", "POST")]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files", "/nothing"])
def test_a_preflight_request_needs_no_key_and_says_nothing(gateway, providers, path):
    answer = post(gateway, PREFLIGHT, path=path, method="OPTIONS", body=b"")
    assert (answer.status, answer.body) == (204, b"")
    assert not [name for name, _ in answer.headers if name.startswith("access-control-")]
    assert all(provider.requests == [] for provider in providers.values())


@pytest.mark.parametrize(("headers", "body"), [([], b""), (PREFLIGHT[:1], b""), (PREFLIGHT[1:], b""), (PREFLIGHT, b"{}")],
                         ids=["plain", "only an origin", "only a method", "with a body"])
def test_any_other_options_request_is_one_like_each_other(gateway, headers, body):
    assert post(gateway, headers, method="OPTIONS", body=body).status == 401
    credential = [("authorization", f"Bearer {KEY}")]
    if headers != PREFLIGHT:
        assert post(gateway, [*headers, *credential], method="OPTIONS", body=body).status == 405
        assert post(gateway, [*headers, *credential], path="/nothing", method="OPTIONS", body=body).status == 404


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_a_stranger_s_bodies_are_not_held(gateway, method):
    before = _allocated(gateway)
    with contextlib.ExitStack() as kept:
        for _ in range(STRANGERS):
            stranger = kept.enter_context(socket.create_connection(gateway.host_port, 10))
            head = raw.request(method, "/v1/chat/completions", PREFLIGHT).replace(b"content-length: 0\r\n", b"")
            with contextlib.suppress(OSError):
                stranger.sendall(head.removesuffix(b"\r\n") + b"content-length: 8000000\r\n\r\n")
                for _ in range(112):
                    stranger.sendall(bytes(65536))
        # All of it was read, or refused, once the answer is there.
        assert stranger.recv(12) == b"HTTP/1.1 401"
        assert _allocated(gateway) - before < STRANGERS * 1024 * 1024


STRANGERS = 20


def _allocated(gateway) -> int:
    with urllib.request.urlopen(f"http://{gateway.admin}/memory", timeout=20) as answer:
        return int(json.load(answer)["allocated"])


def test_the_log_names_the_key_by_its_label_only(gateway):
    mark = gateway.mark()
    assert post(gateway, [("authorization", f"Bearer {KEY}")], path=f"/v1/chat/completions?key={KEY}x").status == 200
    entry = gateway.wait_for_entry(mark, ai_tenant="e2e-blue")
    assert entry["ai_key"] == "e2e-blue-key"
    assert KEY not in gateway.log_since(mark)


def test_no_credential_in_the_query_reaches_a_provider(gateway, openai_provider):
    path = "/v1/chat/completions?key=AIza-client-secret&api-version=1"
    assert post(gateway, [("authorization", f"Bearer {KEY}")], path=path).status == 200
    assert "client-secret" not in openai_provider.last.target


# --- the issuers of docs/auth.md, with the very configuration that it shows -----------------------

SIGNER = "documented"
NAMESPACE = "team-a-prod"

BY_ISSUER = {
    "keycloak": {"iss": "https://sso.example.com/realms/platform", "preferred_username": "ann", "azp": "notebook",
                 "aud": ["ai-gateway", "account"], "resource_access": {"ai": {"roles": ["tenant-a", "gold", "offline"]}}},
    "cluster": {"iss": "https://kubernetes.default.svc", "sub": f"system:serviceaccount:{NAMESPACE}:bot", "aud": ["ai-gateway"],
                "kubernetes.io": {"namespace": NAMESPACE, "serviceaccount": {"name": "bot", "uid": "1"}}},
    "entra": {"iss": "https://login.microsoftonline.com/DIRECTORY-ID/v2.0", "aud": "APPLICATION-ID", "oid": "0b7c",
              "roles": ["AI.TeamA"], "ver": "2.0"},
    "google": {"iss": "https://accounts.google.com", "aud": "https://ai-gateway.example.com",
               "email": "ci@project.iam.gserviceaccount.com", "email_verified": True},
}
USERS = {"keycloak": "ann", "cluster": f"system:serviceaccount:{NAMESPACE}:bot", "entra": "0b7c",
         "google": "ci@project.iam.gserviceaccount.com"}


def documented() -> dict[str, dict]:
    """All of the page's examples as one configuration; the keys are the tests' own, in place of the issuers'."""
    page = (REPOSITORY / "docs/auth.md").read_text()
    shown = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(hosts:.*?)^```", page, re.M | re.S)]
    shown = [one for one in shown if "issuers" in one]
    auth = {part: {name: value for one in shown for name, value in one.get(part, {}).items()}
            for part in ("hosts", "tenants", "plans", "issuers")}
    keys = {"inline": key_set(rsa_key(SIGNER).jwk(kid=SIGNER, alg="RS256", use="sig"))}
    auth["issuers"] = {name: {**issuer, "jwks": keys} for name, issuer in auth["issuers"].items()}
    # What the plan allows is one list of three: the tenant's and the token's are tried elsewhere.
    auth["plans"]["gold"] = {"models": ["plain-*"]}
    limits = {"requestsPerMinute": 1_000_000, "tokensPerMinute": 1_000_000_000}
    return {"auth": auth, "token-counter": {"plans": {"gold": limits, "standard": limits}}}


@pytest.fixture
def documented_gateway(gateway_with):
    return gateway_with("documented", documented())


def bearer_of(issuer: str, key: Rsa | None = None, **more: object) -> tuple[str, str]:
    return ("authorization", "Bearer " + good_token(key or rsa_key(SIGNER), SIGNER, **{**BY_ISSUER[issuer], **more}))


@pytest.mark.parametrize("issuer", BY_ISSUER)
def test_a_token_of_a_documented_issuer_is_its_tenants(documented_gateway, openai_provider, issuer):
    mark = documented_gateway.mark()
    header = bearer_of(issuer)
    assert post(documented_gateway, [header]).status == 200
    entry = documented_gateway.wait_for_entry(mark, ai_traffic="openai.chat_completions")
    plan = "gold" if issuer == "keycloak" else "standard"
    assert (entry["ai_tenant"], entry["ai_plan"], entry["ai_key"], entry["ai_user"]) == ("team-a", plan, issuer, USERS[issuer])
    token = header[1].removeprefix("Bearer ")
    assert token not in str(openai_provider.last.headers)
    assert all(part not in documented_gateway.log_since(mark) for part in token.split("."))


@pytest.mark.parametrize("issuer", BY_ISSUER)
def test_a_token_of_a_documented_issuer_for_somebody_else_is_refused(documented_gateway, openai_provider, issuer):
    assert post(documented_gateway, [bearer_of(issuer, aud="another")]).status == 401
    assert post(documented_gateway, [bearer_of(issuer, key=rsa_key("forger"))]).status == 401
    assert openai_provider.requests == []


def test_a_namespace_and_a_role_that_nobody_mapped_give_no_access(documented_gateway, openai_provider):
    strangers = [bearer_of("cluster", **{"kubernetes.io": {"namespace": "team-x"}}),
                 bearer_of("keycloak", resource_access={"ai": {"roles": ["gold"]}})]
    assert [post(documented_gateway, [header]).status for header in strangers] == [403, 403]
    assert openai_provider.requests == []


def test_the_plan_that_a_role_names_narrows_the_models(documented_gateway, openai_provider):
    listed = post(documented_gateway, [bearer_of("keycloak")], path="/v1/models", method="GET", body=b"")
    assert {model["id"] for model in listed.json()["data"]} == {"plain-gpt", "plain-vllm", "plain-claude"}
    assert post(documented_gateway, [bearer_of("keycloak")], body=bodies.chat(identity.fresh(), model="alias-gpt")).status == 403
    assert openai_provider.requests == []


# --- a filter that only watches ----------------------------------------------------------------------

@pytest.mark.parametrize(("headers", "credential", "why"), [
    ([], "none", "no_credential"),
    ([("authorization", "Bearer sk-of-nobody")], "api_key", "unknown_key"),
], ids=["none", "unknown"])
def test_a_filter_that_only_watches_counts_and_lets_through(gateway_with, openai_provider, headers, credential, why):
    gateway = gateway_with("watching", {"auth": {"mode": "shadow", "shadow": {"tenant": "e2e-green"}}})
    labels = {"credential": credential, "outcome": "shadowed", "reason": why}
    mark = gateway.mark()
    before = gateway.metrics.total("ai_auth_total", **labels)
    assert post(gateway, headers).status == 200
    entry = gateway.wait_for_entry(mark, ai_traffic="openai.chat_completions")
    assert (entry["ai_tenant"], entry["ai_key"], entry["ai_shadowed"]) == ("e2e-green", "shadow", why)
    assert "sk-of-nobody" not in str(openai_provider.last.headers)
    eventually(lambda: gateway.metrics.total("ai_auth_total", **labels) == before + 1, what="the count")
