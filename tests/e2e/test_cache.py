"""The same request again: answered from the cache, for its tenant only, and only where the answer was complete."""

from __future__ import annotations

import pytest

from bed import bodies, identity, raw
from bed.deadline import eventually
from providers import openai_wire, scripts

CHAT = "/v1/chat/completions"


def ask(clients, body: bytes, tenant: str = "e2e-blue"):
    return clients.http(tenant).post(CHAT, content=body, headers={"content-type": "application/json"})


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_the_second_answer_is_a_hit_and_the_same(clients, providers, model):
    body = bodies.chat(identity.fresh(), model)
    first, second = ask(clients, body), ask(clients, body)
    assert (first.headers["x-ai-cache"], second.headers["x-ai-cache"]) == ("miss", "hit")
    assert (second.status_code, second.json()["choices"]) == (200, first.json()["choices"])
    assert sum(len(provider.requests) for provider in providers.values()) == 1


def test_the_hit_of_an_untranslated_answer_has_the_same_bytes(clients):
    body = bodies.chat(identity.fresh())
    first, second = ask(clients, body), ask(clients, body)
    assert second.headers["x-ai-cache"] == "hit"
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert second.headers["content-length"] == str(len(first.content))


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_hit_is_a_stream_where_the_request_was_for_one(clients, providers, model):
    body = bodies.chat(identity.fresh(), model, stream=True)
    first, second = ask(clients, body), ask(clients, body)
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    hits = (first.headers.get("x-ai-cache"), second.headers.get("x-ai-cache"))
    assert hits == ("miss", "hit")
    assert sum(len(provider.requests) for provider in providers.values()) == 1


def test_tenants_do_not_share_answers(clients, openai_provider):
    body = bodies.chat(identity.fresh())
    assert ask(clients, body, "e2e-blue").headers["x-ai-cache"] == "miss"
    assert ask(clients, body, "e2e-green").headers["x-ai-cache"] == "miss"
    assert len(openai_provider.requests) == 2


@pytest.mark.parametrize("change", [
    lambda body: body.replace(b"plain-gpt", b"alias-gpt"),
    lambda body: body.replace(b"plain-gpt", b"plain-vllm"),
    lambda body: body.replace(b'"messages"', b'"temperature":0.2,"messages"'),
    lambda body: body.replace(b'"user"', b'"system"'),
    lambda body: body[:-1] + b',"stream":true}',
], ids=["another model", "another provider", "another member", "another role", "streamed"])
def test_another_request_is_no_hit(clients, change):
    body = bodies.chat(identity.fresh())
    ask(clients, body)
    assert ask(clients, change(body)).headers["x-ai-cache"] == "miss"


@pytest.mark.parametrize("script", [
    scripts.openai_error(500), scripts.openai_error(400), scripts.too_many_requests(None), scripts.html_error(502),
    scripts.headers_only(503),
], ids=["500", "400", "429", "html", "headers only"])
def test_an_error_is_not_kept(clients, openai_provider, script):
    body = bodies.chat(identity.fresh())
    openai_provider.script(script)
    assert ask(clients, body).status_code >= 400
    again = ask(clients, body)
    assert (again.status_code, again.headers["x-ai-cache"]) == (200, "miss")
    assert len(openai_provider.requests) == 2


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_stream_that_was_cut_is_not_kept(gateway, clients, openai_provider, how):
    body = bodies.chat(identity.fresh(), stream=True, stream_options={"include_usage": True})
    events = openai_wire.chat_events("half of the answer", "plain-gpt", True)
    openai_provider.script(scripts.cut(events[:3], how))
    headers = [("authorization", f"Bearer {identity.key('e2e-blue')}"), ("content-type", "application/json")]
    with raw.Connection(gateway.host_port) as connection:
        connection.send(raw.request("POST", CHAT, headers, body))
        connection.read_until(events[2])
        assert connection.read_as_far_as_it_goes()[1] is False
    assert ask(clients, body).headers["x-ai-cache"] == "miss"


def test_a_stream_without_its_end_is_not_kept(clients, openai_provider):
    body = bodies.chat(identity.fresh(), stream=True, stream_options={"include_usage": True})
    events = openai_wire.chat_events("no done", "plain-gpt", True)
    openai_provider.script(scripts.stream(events[:-1]))
    ask(clients, body)
    assert ask(clients, body).headers["x-ai-cache"] == "miss"


def test_a_stream_with_an_error_event_is_not_kept(clients, openai_provider):
    body = bodies.chat(identity.fresh(), stream=True, stream_options={"include_usage": True})
    events = openai_wire.chat_events("oh", "plain-gpt", True)[:2]
    events += [openai_wire.event(openai_wire.error("broken", "server_error")), openai_wire.DONE]
    openai_provider.script(scripts.stream(events))
    assert b"broken" in ask(clients, body).content
    assert ask(clients, body).headers["x-ai-cache"] == "miss"


def test_an_answer_above_the_limit_passes_and_is_not_kept(clients, openai_provider):
    body = bodies.chat(identity.fresh())
    large = openai_wire.chat("z" * 70_000, "plain-gpt")
    openai_provider.script(scripts.json_answer(large), scripts.json_answer(large))
    assert ask(clients, body).json() == large
    assert ask(clients, body).headers["x-ai-cache"] == "miss"


def test_an_answer_is_kept_for_its_time_only(gateway_with, clients_of, openai_provider):
    gateway = gateway_with("short-cache", {"response-cache": {"ttlSeconds": 1}})
    clients = clients_of(gateway)
    body = bodies.chat(identity.fresh())
    ask(clients, body)
    assert ask(clients, body).headers["x-ai-cache"] == "hit"
    eventually(lambda: ask(clients, body).headers["x-ai-cache"] == "miss", what="the end of its time")
    assert len(openai_provider.requests) == 2


def test_lookups_are_counted(gateway, clients):
    labels = {"tenant": "e2e-green", "provider": "openai"}

    def counts() -> tuple[float, float]:
        return tuple(gateway.metrics.total("ai_cache_lookups_total", cache_result=one, **labels) for one in ("hit", "miss"))

    before = counts()
    body = bodies.chat(identity.fresh())
    for _ in range(3):
        ask(clients, body, "e2e-green")
    hits, misses = counts()
    assert (hits - before[0], misses - before[1]) == (2, 1)


def test_a_hit_costs_no_tokens(gateway, clients):
    body = bodies.chat(identity.fresh())
    ask(clients, body, "e2e-green")
    labels = {"tenant": "e2e-green", "token_type": "output"}
    before = gateway.metrics.total("ai_tokens_total", **labels)
    mark = gateway.mark()
    assert ask(clients, body, "e2e-green").headers["x-ai-cache"] == "hit"
    assert gateway.wait_for_entry(mark, ai_tenant="e2e-green")["ai_cache"] == "hit"
    assert gateway.metrics.total("ai_tokens_total", **labels) == before
