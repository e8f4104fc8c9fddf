"""Keys with terms of their own, tokens of two issuers, one of them only watched: on the shipped overlay.

Identities of the mesh are tried where there is a mesh, in tests/interception;
keys that are fetched in test_auth_fetched.py.
"""

from __future__ import annotations

import functools
import hashlib
import time

import anthropic
import openai
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bed import bodies, identity, raw
from bed.bodies import user
from bed.deadline import eventually
from bed.tokens import AUDIENCE, ISSUER, Ec, Ed, claims, good_token, key_set, rsa_key, token

JSON = ("content-type", "application/json")
WATCHED = "https://watched.example.com"
SIGNERS = {"RS256": rsa_key("credentials"), "PS256": rsa_key("credentials"),
           "ES256": Ec(ec.SECP256R1), "ES384": Ec(ec.SECP384R1), "EdDSA": Ed()}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def key(label: str) -> str:
    """A key beside those that every tenant has."""
    return f"{identity.key('e2e-blue')}-{label}"


def issuer(name: str, **more: object) -> dict:
    keys = {kind: signer.jwk(kid=kind) for kind, signer in SIGNERS.items() if kind != "PS256"}
    keys["RS256"] = SIGNERS["RS256"].jwk(kid="RS256")
    keys["PS256"] = SIGNERS["PS256"].jwk(kid="PS256")
    return {"issuer": name, "audiences": [AUDIENCE], "jwks": {"inline": key_set(*keys.values())},
            "claims": {"tenant": "team", "user": "name", "models": "may.use"}, **more}


BY_QUERY = "query.example.com"

CONFIGURATION = {"auth": {
    "hosts": {"by-query": {"authority": BY_QUERY, "sources": ["queryKey"]}},
    "keys": {
        "expired": {"sha256": sha256(key("expired")), "tenant": "e2e-blue", "expires": "2020-01-01T00:00:00Z"},
        "narrow": {"sha256": sha256(key("narrow")), "tenant": "e2e-blue", "models": ["alias-*", "plain-vllm"]},
    },
    "issuers": {"idp": issuer(ISSUER), "watched": issuer(WATCHED, mode="shadow")},
    "shadow": {"tenant": "e2e-green", "models": ["plain-*"]},
}}

BLUE = {"team": "e2e-blue", "name": "Ann Lee", "may": {"use": ["plain-*"]}}


@pytest.fixture
def gateway(gateway_with):
    return gateway_with("credentials", CONFIGURATION)


def ask(gateway, *headers: tuple[str, str], method: str = "POST", path: str = "/v1/chat/completions"):
    body = bodies.chat(identity.fresh()) if method == "POST" else b""
    return raw.send(gateway.host_port, raw.request(method, path, [JSON, *headers], body), method)


def bearer(text: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {text}")


def signed(algorithm: str = "RS256", **more: object) -> str:
    return token(SIGNERS[algorithm].sign, {"alg": algorithm, "kid": algorithm}, claims(**{**BLUE, **more}))


def reason(gateway, mark) -> str:
    entries = lambda: [entry["ai_refused"] for entry in gateway.access_log_since(mark) if entry.get("ai_refused")]
    return eventually(entries, what="the reason in the access log")[0]


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_token_of_each_kind_of_key_lets_its_bearer_in(gateway, openai_provider, algorithm):
    mark = gateway.mark()
    text = signed(algorithm)
    assert ask(gateway, bearer(text)).status == 200
    entry = gateway.wait_for_entry(mark, ai_traffic="openai.chat_completions")
    assert (entry["ai_tenant"], entry["ai_key"], entry["ai_user"]) == ("e2e-blue", "idp", "Ann Lee")
    assert text not in str(openai_provider.last.headers)
    assert text.rsplit(".", 1)[1] not in gateway.log_since(mark)


def test_both_sdks_take_a_token_for_a_key(gateway, clients_of, providers):
    clients = clients_of(gateway)
    answer = clients.openai(api_key=signed()).chat.completions.create(model="plain-gpt", messages=user(identity.fresh()))
    assert answer.choices
    answer = clients.anthropic(api_key=signed()).messages.create(model="plain-claude", max_tokens=5,
                                                                 messages=user(identity.fresh()))
    assert answer.content


@pytest.mark.parametrize(("why", "text"), [
    ("token_expired", lambda: signed(exp=int(time.time()) - 61)),
    ("exp_missing", lambda: signed(exp=None)),
    ("aud_mismatch", lambda: signed(aud="another")),
    ("issuer_unknown", lambda: signed(iss="https://elsewhere.example.com")),
    ("signature_invalid", lambda: good_token(rsa_key("forger"), "RS256", **BLUE)),
    ("key_unknown", lambda: good_token(rsa_key("credentials"), "nobodys", **BLUE)),
    ("alg_none", lambda: token(lambda *_: b"x", {"alg": "none"}, claims(**BLUE))),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_token_that_is_no_good_is_refused_and_only_the_log_says_why(gateway, openai_provider, why, text):
    mark = gateway.mark()
    answer = ask(gateway, bearer(text()))
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.header("www-authenticate")
    assert answer.json()["error"]["message"] == "The token is not valid."
    assert reason(gateway, mark) == why
    assert openai_provider.requests == []


def test_a_good_token_without_a_tenant_here_is_a_permission_error_in_both_sdks(gateway, clients_of, providers):
    clients = clients_of(gateway)
    text = signed(team="nobody")
    with pytest.raises(openai.PermissionDeniedError):
        clients.openai(api_key=text).chat.completions.create(model="plain-gpt", messages=user("hi"))
    with pytest.raises(anthropic.PermissionDeniedError):
        clients.anthropic(api_key=text).messages.create(model="plain-claude", max_tokens=5, messages=user("hi"))


@pytest.mark.parametrize(("credential", "allowed"), [
    (lambda: key("narrow"), {"alias-gpt", "alias-claude", "plain-vllm"}),
    (lambda: signed(may={"use": ["plain-gpt", "plain-c*"]}), {"plain-gpt", "plain-claude"}),
    (lambda: signed(may=None), set()),
], ids=["key", "token", "token-without-the-claim"])
def test_the_list_of_models_holds_what_the_credential_may_use(gateway, credential, allowed):
    answer = ask(gateway, bearer(credential()), method="GET", path="/v1/models")
    assert {model["id"] for model in answer.json()["data"]} == allowed


def test_a_model_that_the_key_may_not_use_is_refused(gateway, openai_provider):
    assert ask(gateway, bearer(key("narrow"))).status == 403
    assert openai_provider.requests == []


def test_a_key_ends_at_its_expiry(gateway, openai_provider):
    mark = gateway.mark()
    assert ask(gateway, bearer(key("expired"))).status == 401
    assert reason(gateway, mark) == "key_expired"
    assert openai_provider.requests == []


def ask_by_query(gateway, query: str, *headers: tuple[str, str], host: str = BY_QUERY):
    asked = raw.request("POST", f"/v1/chat/completions{query}", [JSON, *headers], bodies.chat(identity.fresh()), host)
    return raw.send(gateway.host_port, asked, "POST")


def test_a_key_in_the_query_counts_on_the_host_that_lists_it_and_goes_no_further(gateway, openai_provider):
    mark = gateway.mark()
    assert ask_by_query(gateway, f"?key={identity.key('e2e-blue')}").status == 200
    assert gateway.wait_for_entry(mark, ai_traffic="openai.chat_completions")["ai_tenant"] == "e2e-blue"
    assert openai_provider.last.target == "/v1/chat/completions"
    assert identity.key("e2e-blue") not in gateway.log_since(mark)


def test_a_key_in_the_query_counts_nowhere_else_and_goes_no_further_there_either(gateway, openai_provider):
    mark = gateway.mark()
    assert ask_by_query(gateway, f"?key={identity.key('e2e-blue')}", host="ai-gateway.example.com").status == 401
    assert reason(gateway, mark) == "no_credential"
    assert openai_provider.requests == []
    # Beside a key in a header it says nothing.
    other = ask_by_query(gateway, f"?key={identity.key('e2e-green')}", bearer(identity.key("e2e-blue")), host="ai-gateway.example.com")
    assert other.status == 200
    assert openai_provider.last.target == "/v1/chat/completions"


@pytest.mark.parametrize(("query", "headers"), [
    ("", lambda: [bearer(identity.key("e2e-blue"))]),
    ("?key=sk-nobodys", lambda: []),
    ("?key={0}&key={0}", lambda: []),
], ids=["a key in a header", "nobody's", "twice"])
def test_a_host_that_lists_the_query_takes_nothing_but_one_good_key_there(gateway, openai_provider, query, headers):
    answer = ask_by_query(gateway, query.format(identity.key("e2e-blue")), *headers())
    assert answer.status in (400, 401)
    assert openai_provider.requests == []


@pytest.mark.parametrize(("second", "status"), [
    (lambda: signed(), 200),
    (lambda: signed(team="e2e-green"), 401),
    (lambda: signed(exp=1), 401),
    (lambda: signed(iss="https://elsewhere.example.com"), 200),
], ids=["same tenant", "another tenant", "expired", "nobody's"])
def test_a_token_beside_a_key_must_agree_if_it_is_one_of_ours(gateway, second, status):
    assert ask(gateway, bearer(identity.key("e2e-blue")), ("x-api-key", second())).status == status


def test_an_issuer_that_is_only_watched_keeps_nobody_out(gateway, providers):
    mark = gateway.mark()
    forged = good_token(rsa_key("forger"), "RS256", **{**BLUE, "iss": WATCHED})
    assert ask(gateway, bearer(forged)).status == 200
    entry = gateway.wait_for_entry(mark, ai_traffic="openai.chat_completions")
    assert (entry["ai_tenant"], entry["ai_key"]) == ("e2e-green", "shadow")
    assert entry["ai_shadowed"] == "signature_invalid"


def test_calls_are_counted_by_credential_issuer_and_outcome(gateway, providers):
    def counted(**labels: str) -> float:
        return gateway.metrics.total("ai_auth_total", **labels)

    accepted = {"credential": "jwt", "issuer": "idp", "outcome": "accepted"}
    refused = {"credential": "jwt", "issuer": "idp", "outcome": "refused", "reason": "aud_mismatch"}
    before = counted(**accepted), counted(**refused)
    assert ask(gateway, bearer(signed())).status == 200
    assert ask(gateway, bearer(signed(aud="another"))).status == 401
    eventually(lambda: (counted(**accepted), counted(**refused)) == (before[0] + 1, before[1] + 1), what="both counts")
