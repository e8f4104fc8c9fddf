"""Another provider answers in place of one that fails, before anything of the failure was let go."""

from __future__ import annotations

import json

import openai
import pytest

from bed import bodies, identity, sse
from bed.bodies import user
from providers import openai_wire, scripts

FAILURES = {
    "503 with JSON": lambda: scripts.openai_error(503),
    "500": lambda: scripts.openai_error(500),
    "502 with HTML": lambda: scripts.html_error(502),
    "503 with 300 KB": lambda: scripts.large_error(503),
    "429": lambda: scripts.too_many_requests("20"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_a_failing_provider_is_replaced(gateway, clients, openai_provider, vllm_provider, failure):
    mark = gateway.mark()
    openai_provider.script(failure())
    question = identity.fresh()
    answer = clients.openai().chat.completions.create(model="safe-gpt", messages=user(question))
    assert answer.choices[0].message.content == question
    assert answer.model == "granite-to-the-rescue"
    assert len(openai_provider.requests) == 1
    assert vllm_provider.last.json()["model"] == "granite-to-the-rescue"
    assert vllm_provider.last.target == "/v1/chat/completions"
    entry = gateway.wait_for_entry(mark, ai_requested_model="safe-gpt")
    assert (entry["status"], entry["ai_fallback"]) == (200, "vllm")


def test_a_provider_that_refuses_connections_is_replaced(clients, openai_provider, vllm_provider):
    question = identity.fresh()
    with openai_provider.refusing():
        answer = clients.openai().chat.completions.create(model="safe-gpt", messages=user(question))
    assert answer.choices[0].message.content == question
    assert len(vllm_provider.requests) == 1


def test_a_provider_that_drops_the_request_is_replaced_and_asked_only_once(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.drop("reset"))
    question = identity.fresh()
    answer = clients.openai().chat.completions.create(model="safe-gpt", messages=user(question))
    assert answer.choices[0].message.content == question
    assert (len(openai_provider.requests), len(vllm_provider.requests)) == (1, 1)


def test_a_stream_falls_back_too(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.openai_error(503))
    question = identity.fresh()
    chunks = list(clients.openai().chat.completions.create(model="safe-gpt", messages=user(question), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == question
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(vllm_provider.requests) == 1


def test_a_fallback_may_speak_the_other_api(clients, anthropic_provider, openai_provider):
    anthropic_provider.script(scripts.anthropic_error(529, "overloaded_error"))
    question = identity.fresh()
    answer = clients.openai().chat.completions.create(model="safe-claude", messages=user(question))
    assert answer.choices[0].message.content == question
    assert openai_provider.last.json()["model"] == "gpt-to-the-rescue"


def test_the_fallback_gets_its_own_credential_and_no_header_of_the_mesh(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.openai_error(503))
    clients.openai().chat.completions.create(model="safe-gpt", messages=user(identity.fresh()))
    sent = vllm_provider.last
    assert sent.header("authorization") == f"Bearer {identity.PROVIDER_KEYS['vllm']}"
    assert sent.header("host") == "vllm.models.example.com"
    assert identity.key("e2e-blue") not in str(sent.headers)
    assert identity.PROVIDER_KEYS["openai"] not in str(sent.headers)
    assert not [name for name in sent.header_names() if name.startswith(("x-envoy", "x-forwarded", "x-b3"))]


def test_the_fallback_sees_no_address_and_the_client_gets_it_again(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.openai_error(503))
    question = identity.fresh("mail grace@example.com")
    answer = clients.openai().chat.completions.create(model="safe-gpt", messages=user(question))
    assert answer.choices[0].message.content == question
    assert b"grace" not in vllm_provider.last.body


def test_the_fallback_of_a_rewritten_body_has_a_right_length(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.openai_error(503))
    body = b'{ "temperature":1.0,"model":"safe-gpt","messages":[{"role":"user","content":"%s"}] }'
    body = body.replace(b"%s", identity.fresh().encode())
    answer = clients.http().post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert vllm_provider.last.body == body.replace(b'"safe-gpt"', b'"granite-to-the-rescue"')
    assert int(answer.headers.get("content-length", len(answer.content))) == len(answer.content)
    json.loads(answer.content)


def test_a_large_answer_of_the_fallback_comes_whole(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.openai_error(503))
    text = "y" * 1_000_000
    vllm_provider.script(scripts.json_answer(openai_wire.chat(text, "granite-to-the-rescue")))
    answer = clients.openai().chat.completions.create(model="safe-gpt", messages=user(identity.fresh()))
    assert answer.choices[0].message.content == text


def test_where_both_fail_the_client_gets_an_error_of_its_api(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.openai_error(503, message="first"))
    vllm_provider.script(scripts.html_error(502))
    with pytest.raises(openai.InternalServerError) as raised:
        clients.openai().chat.completions.create(model="safe-gpt", messages=user(identity.fresh()))
    assert raised.value.body["message"]
    assert (len(openai_provider.requests), len(vllm_provider.requests)) == (1, 1)


def test_where_nobody_listens_the_client_gets_an_error_of_its_api(clients, openai_provider, vllm_provider):
    with openai_provider.refusing(), vllm_provider.refusing():
        with pytest.raises(openai.InternalServerError) as raised:
            clients.openai().chat.completions.create(model="safe-gpt", messages=user(identity.fresh()))
    assert raised.value.body["message"]
    assert "127.0.0.1" not in str(raised.value.body)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_another_provider_would_refuse_as_well_is_no_reason_to_ask_it(
        clients, openai_provider, vllm_provider, status):
    openai_provider.script(scripts.openai_error(status, "invalid_request_error"))
    answer = clients.http().post("/v1/chat/completions", content=bodies.chat(identity.fresh(), "safe-gpt"))
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert vllm_provider.requests == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_the_gateways_failure_and_no_reason_to_ask_another_provider(
        clients, openai_provider, vllm_provider, status):
    openai_provider.script(scripts.openai_error(status, "invalid_request_error", "Incorrect API key of org-1"))
    answer = clients.http().post("/v1/chat/completions", content=bodies.chat(identity.fresh(), "safe-gpt"))
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "provider_credential_refused"
    assert b"org-1" not in answer.content
    assert vllm_provider.requests == []


def test_a_refused_credential_of_headers_only_is_the_gateways_failure(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.headers_only(401))
    answer = clients.http().post("/v1/chat/completions", content=bodies.chat(identity.fresh(), "safe-gpt"))
    assert answer.status_code == 502
    assert vllm_provider.requests == []


def test_an_error_of_headers_only_is_passed_on(clients, openai_provider, vllm_provider):
    openai_provider.script(scripts.headers_only(503))
    answer = clients.http().post("/v1/chat/completions", content=bodies.chat(identity.fresh(), "safe-gpt"))
    assert answer.status_code == 503
    assert vllm_provider.requests == []


def test_a_fallback_is_counted_and_its_answer_is_not_cached(gateway, clients, openai_provider, vllm_provider):
    labels = {"provider": "openai", "fallback_to": "vllm"}
    before = gateway.metrics.total("ai_fallbacks_total", **labels)
    question = identity.fresh()
    openai_provider.script(scripts.openai_error(503))
    clients.openai().chat.completions.create(model="safe-gpt", messages=user(question))
    assert gateway.metrics.total("ai_fallbacks_total", **labels) == before + 1
    again = clients.openai().chat.completions.create(model="safe-gpt", messages=user(question))
    assert again.model == "safe-gpt"
    assert (len(openai_provider.requests), len(vllm_provider.requests)) == (2, 1)


def test_the_tokens_of_a_fallback_are_counted_for_the_provider_that_answered(gateway, clients, openai_provider):
    openai_provider.script(scripts.openai_error(503))
    labels = {"tenant": "e2e-green", "token_type": "output", "provider": "vllm"}
    before = gateway.metrics.total("ai_tokens_total", **labels)
    answer = clients.http("e2e-green").post(
        "/v1/chat/completions", content=bodies.chat(identity.fresh(), "safe-gpt", stream=True))
    assert sse.events(answer.content)[-1] == b"[DONE]"
    assert gateway.metrics.total("ai_tokens_total", **labels) == before + 7
