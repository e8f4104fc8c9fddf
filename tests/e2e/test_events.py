"""Each row of the table event × filter: what happens to a request or an answer, and which filters
take part in it. What a filter did is read from what it leaves: facts in the access log, metrics,
headers, and the bytes that the provider or the client got."""

from __future__ import annotations

import json

import pytest

from bed import bodies, http2, identity, raw, sse
from bed.deadline import eventually
from providers import anthropic_wire, openai_wire, scripts

CHAT = "/v1/chat/completions"
TENANT = "e2e-green"
KEY = ("authorization", f"Bearer {identity.key(TENANT)}")
JSON = ("content-type", "application/json")

ABSENT = (None, "-", "")


def post(gateway, body: bytes, *headers, path: str = CHAT) -> raw.Answer:
    return raw.send(gateway.host_port, raw.request("POST", path, [JSON, *(headers or [KEY])], body))


def refusals(gateway, ai_filter: str) -> float:
    return gateway.metrics.total("ai_refusals_total", ai_filter=ai_filter)


def assert_absent(entry: dict, *facts: str) -> None:
    assert {fact: entry.get(fact) for fact in facts if entry.get(fact) not in ABSENT} == {}


# --- refusals -------------------------------------------------------------------------------------

def test_auth_refuses_and_no_later_filter_sees_the_request(gateway, providers):
    mark, before = gateway.mark(), refusals(gateway, "auth")
    answer = post(gateway, bodies.chat("hi"), ("authorization", "Bearer wrong"))
    assert answer.status == 401
    entry = gateway.wait_for_entry(mark, status=401)
    assert entry["ai_refused"] not in ABSENT
    assert_absent(entry, "ai_tenant", "ai_model", "ai_provider", "ai_cache", "ai_usage")
    assert refusals(gateway, "auth") == before + 1
    assert answer.header("x-ai-cache") is None
    assert all(provider.requests == [] for provider in providers.values())


def test_the_redactor_refuses_what_it_cannot_read_and_the_counter_reserves_nothing(gateway, providers):
    mark, before = gateway.mark(), refusals(gateway, "pii-redactor")
    assert post(gateway, b'{"model":"plain-gpt","messages":[{"role":"user","content":"\xff"}]}').status == 400
    entry = gateway.wait_for_entry(mark, status=400)
    assert entry["ai_tenant"] == TENANT and entry["ai_refused"] not in ABSENT
    assert_absent(entry, "ai_model", "ai_provider", "ai_cache")
    assert refusals(gateway, "pii-redactor") == before + 1
    assert all(provider.requests == [] for provider in providers.values())


def test_the_counter_refuses_and_no_model_is_chosen(gateway_with, openai_provider, one_minute):
    limits = {"token-counter": {"plans": {identity.OPEN_PLAN: {"requestsPerMinute": 1_000_000, "tokensPerMinute": 1_000_000},
                                          identity.TWO_REQUESTS_PLAN: {"requestsPerMinute": 1}}},
              "response-cache": {"ttlSeconds": 1}}
    gateway = gateway_with("one-request", limits)
    key = ("authorization", f"Bearer {identity.key('e2e-two-0')}")
    assert post(gateway, bodies.chat(identity.fresh()), key).status == 200
    mark, before = gateway.mark(), refusals(gateway, "token-counter")
    assert post(gateway, bodies.chat(identity.fresh()), key).status == 429
    entry = gateway.wait_for_entry(mark, status=429)
    assert entry["ai_tenant"] == "e2e-two-0" and entry["ai_refused"] not in ABSENT
    assert_absent(entry, "ai_model", "ai_provider", "ai_cache")
    assert refusals(gateway, "token-counter") == before + 1
    assert len(openai_provider.requests) == 1


def test_the_router_refuses_and_the_cache_is_not_asked(gateway, providers):
    mark, before = gateway.mark(), refusals(gateway, "model-router")
    assert post(gateway, bodies.chat("hi", "no-such-model")).status == 404
    entry = gateway.wait_for_entry(mark, status=404)
    assert entry["ai_refused"] not in ABSENT
    assert_absent(entry, "ai_provider", "ai_cache")
    assert refusals(gateway, "model-router") == before + 1
    assert all(provider.requests == [] for provider in providers.values())


def test_a_refusal_by_the_router_costs_no_tokens(gateway):
    before = gateway.metrics.total("ai_tokens_total", tenant=TENANT)
    mark = gateway.mark()
    assert post(gateway, bodies.chat("hi", "no-such-model")).status == 404
    gateway.wait_for_entry(mark, status=404)
    assert gateway.metrics.total("ai_tokens_total", tenant=TENANT) == before


# --- answers in good order ---------------------------------------------------------------------------

def test_every_filter_takes_part_in_an_answer_of_the_provider(gateway, openai_provider):
    mark = gateway.mark()
    question = identity.fresh("mail marie@example.com")
    answer = post(gateway, bodies.chat(question))
    assert answer.json()["choices"][0]["message"]["content"] == question
    assert b"marie" not in openai_provider.last.body
    assert answer.header("x-ai-cache") == "miss"
    entry = gateway.wait_for_entry(mark, status=200, ai_tenant=TENANT)
    assert (entry["ai_provider"], entry["ai_model"], entry["ai_cache"]) == ("openai", "plain-gpt", "miss")
    assert json.loads(entry["ai_usage"])["output"] == 7


def test_a_cache_hit_passes_back_through_router_counter_and_redactor(gateway, anthropic_provider):
    question = identity.fresh("mail marie@example.com")
    body = bodies.chat(question, "plain-claude")
    first = post(gateway, body)
    mark = gateway.mark()
    hit = post(gateway, body)
    assert hit.header("x-ai-cache") == "hit"
    # The router translated it, the redactor put the address back.
    assert hit.json()["choices"] == first.json()["choices"]
    assert hit.json()["choices"][0]["message"]["content"] == question
    entry = gateway.wait_for_entry(mark, status=200, ai_tenant=TENANT)
    assert entry["ai_cache"] == "hit"
    assert_absent(entry, "upstream_host", "ai_refused")
    assert len(anthropic_provider.requests) == 1


# --- Envoy's own replies ----------------------------------------------------------------------------

def test_413_ends_the_stream_in_the_shape_of_its_api(gateway, providers):
    mark = gateway.mark()
    answer = post(gateway, bodies.chat("x" * (9 << 20)))
    assert (answer.status, answer.header("content-type")) == (413, "application/json")
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    entry = gateway.wait_for_entry(mark, status=413)
    assert entry["ai_tenant"] == TENANT
    assert_absent(entry, "ai_cache", "upstream_host")
    assert all(provider.requests == [] for provider in providers.values())


def test_a_provider_without_a_fallback_that_refuses_connections_is_a_503(gateway, openai_provider):
    mark = gateway.mark()
    with openai_provider.refusing():
        answer = post(gateway, bodies.chat(identity.fresh()))
    assert answer.status == 503
    assert answer.json()["error"]["message"] and b"127.0.0.1" not in answer.body
    entry = gateway.wait_for_entry(mark, status=503)
    assert entry["ai_provider"] == "openai"
    assert post(gateway, bodies.chat(identity.fresh())).status == 200


def test_a_provider_that_drops_the_request_is_an_error_and_not_asked_twice(gateway, openai_provider):
    openai_provider.script(scripts.drop("reset"))
    answer = post(gateway, bodies.chat(identity.fresh()))
    assert answer.status in (502, 503)
    assert answer.json()["error"]["message"]
    assert len(openai_provider.requests) == 1


# --- errors of the provider ---------------------------------------------------------------------------

@pytest.mark.parametrize(("script", "status"), [
    (scripts.openai_error(500), 500),
    (scripts.html_error(502), 502),
    (scripts.headers_only(503), 503),
    (scripts.large_error(503), 503),
    (scripts.too_many_requests("9"), 429),
], ids=["500", "502 HTML", "503 headers only", "503 of 300 KB", "429"])
def test_an_error_of_the_provider_is_neither_kept_nor_counted_as_tokens(gateway, openai_provider, script, status):
    before = gateway.metrics.total("ai_tokens_total", tenant=TENANT)
    body = bodies.chat(identity.fresh())
    openai_provider.script(script)
    mark = gateway.mark()
    assert post(gateway, body).status == status
    entry = gateway.wait_for_entry(mark, status=status)
    assert entry["ai_provider"] == "openai"
    assert_absent(entry, "ai_refused", "ai_fallback")
    assert gateway.metrics.total("ai_tokens_total", tenant=TENANT) == before
    assert post(gateway, body).header("x-ai-cache") == "miss"


def test_an_error_event_inside_a_200_reaches_the_client(gateway, openai_provider):
    events = openai_wire.chat_events("half", "plain-gpt", True)[:2]
    events.append(openai_wire.event(openai_wire.error("the model fell over", "server_error")))
    openai_provider.script(scripts.stream(events))
    answer = post(gateway, bodies.chat(identity.fresh(), stream=True))
    assert answer.status == 200
    assert b"the model fell over" in answer.body


def test_a_fallback_passes_through_counter_and_redactor_and_past_the_cache(gateway, openai_provider, vllm_provider):
    openai_provider.script(scripts.openai_error(503))
    mark = gateway.mark()
    question = identity.fresh("mail marie@example.com")
    answer = post(gateway, bodies.chat(question, "safe-gpt"))
    assert answer.json()["choices"][0]["message"]["content"] == question
    assert b"marie" not in vllm_provider.last.body
    entry = gateway.wait_for_entry(mark, status=200, ai_tenant=TENANT)
    assert (entry["ai_fallback"], entry["ai_requested_model"]) == ("vllm", "safe-gpt")
    assert json.loads(entry["ai_usage"])["output"] == 7


# --- streams that end early ------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_provider_that_breaks_off_is_no_good_end(gateway, providers, model, how):
    provider = providers["openai" if model == "plain-gpt" else "anthropic"]
    if model == "plain-gpt":
        events = openai_wire.chat_events("never the whole", model, True)[:4]
    else:
        events = anthropic_wire.message_events("never the whole", model)[:5]
    provider.script(scripts.cut(events, how))
    requests = gateway.metrics.total("ai_requests_total", tenant=TENANT)
    mark = gateway.mark()
    with raw.Connection(gateway.host_port) as connection:
        connection.send(raw.request("POST", CHAT, [KEY, JSON], bodies.chat(identity.fresh(), model, stream=True)))
        seen, ended_well = connection.read_as_far_as_it_goes()
    assert b"never" in seen
    assert b'"finish_reason":"stop"' not in seen
    assert not ended_well or b'"error"' in seen
    entry = gateway.wait_for_entry(mark, ai_tenant=TENANT)
    assert entry["ai_provider"] == provider.name
    eventually(lambda: gateway.metrics.total("ai_requests_total", tenant=TENANT) == requests + 1, what="one more request")


def test_an_answer_that_is_short_of_its_length_is_no_good_end(gateway, openai_provider):
    body = bodies.chat(identity.fresh())
    openai_provider.script(scripts.short_of_its_length(b'{"id":"x","choices":[]}', missing=50))
    with raw.Connection(gateway.host_port) as connection:
        connection.send(raw.request("POST", CHAT, [KEY, JSON], body))
        body_seen, ended_well = connection.read_as_far_as_it_goes()
    assert not ended_well or b'"error"' in body_seen
    assert post(gateway, body).header("x-ai-cache") == "miss"


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_client_that_leaves_in_the_middle_stops_the_provider_and_is_accounted_for(gateway, providers, model):
    provider = providers["openai" if model == "plain-gpt" else "anthropic"]
    left = provider.gate()
    if model == "plain-gpt":
        events = openai_wire.chat_events("going on and on", model, True)[:4]
    else:
        events = anthropic_wire.message_events("going on and on", model)[:6]
    provider.script(scripts.stream_then_watch(events, left))
    requests = gateway.metrics.total("ai_requests_total", tenant=TENANT)
    mark = gateway.mark()
    connection = raw.Connection(gateway.host_port)
    connection.send(raw.request("POST", CHAT, [KEY, JSON], bodies.chat(identity.fresh(), model, stream=True)))
    connection.read_until(b"going")
    assert not left.await_open(0)
    connection.kill()
    assert left.await_open(5), "the provider goes on for nobody"
    entry = gateway.wait_for_entry(mark, ai_tenant=TENANT)
    assert "D" in entry["response_flags"]
    eventually(lambda: gateway.metrics.total("ai_requests_total", tenant=TENANT) == requests + 1, what="one more request")


def test_a_client_that_leaves_before_the_answer_stops_the_provider(gateway, openai_provider):
    release = openai_provider.gate()
    openai_provider.script(scripts.hang(release))
    mark = gateway.mark()
    connection = raw.Connection(gateway.host_port)
    connection.send(raw.request("POST", CHAT, [KEY, JSON], bodies.chat(identity.fresh())))
    openai_provider.wait_for(1)
    connection.kill()
    entry = gateway.wait_for_entry(mark, ai_tenant=TENANT)
    assert "D" in entry["response_flags"]


def test_a_client_that_leaves_while_a_fallback_is_asked_kills_nothing(gateway, openai_provider, vllm_provider):
    release = vllm_provider.gate()
    openai_provider.script(scripts.openai_error(503))
    vllm_provider.script(scripts.hang(release))
    mark = gateway.mark()
    connection = raw.Connection(gateway.host_port)
    connection.send(raw.request("POST", CHAT, [KEY, JSON], bodies.chat(identity.fresh(), "safe-gpt")))
    vllm_provider.wait_for(1)
    connection.kill()
    gateway.wait_for_entry(mark, ai_tenant=TENANT)
    release.open()
    assert post(gateway, bodies.chat(identity.fresh())).status == 200


def test_each_event_is_let_go_when_it_comes(gateway, openai_provider):
    events = openai_wire.chat_events("a b c d e f", "plain-gpt", True, delta=2)
    steps = openai_provider.steps()
    openai_provider.script(scripts.trickle(events, steps))
    body = bodies.chat(identity.fresh(), stream=True, stream_options={"include_usage": True})
    with raw.Connection(gateway.host_port) as connection:
        connection.send(raw.request("POST", CHAT, [KEY, JSON], body))
        for one in events:
            steps.allow()
            assert connection.read_until(one) == one
        assert connection.next_data() is None


def test_each_event_is_translated_when_it_comes(gateway, anthropic_provider):
    events = anthropic_wire.message_events("abcdef", "plain-claude", delta=1)
    steps = anthropic_provider.steps()
    anthropic_provider.script(scripts.trickle(events, steps))
    with raw.Connection(gateway.host_port) as connection:
        connection.send(raw.request("POST", CHAT, [KEY, JSON], bodies.chat(identity.fresh(), "plain-claude", stream=True)))
        steps.allow(3)
        for letter in b"abcdef":
            steps.allow()
            connection.read_until(b'"content":"%c"' % letter)
        steps.allow(len(events))
        connection.read_until(b"[DONE]")


# --- trailers --------------------------------------------------------------------------------------

def test_a_request_with_trailers_is_refused_before_it_leaves(gateway, providers):
    mark = gateway.mark()
    answer = http2.send(gateway.host_port, "POST", CHAT, [KEY, JSON], bodies.chat("hi"), [("x-sum", "1")])
    assert answer.status == 400
    entry = gateway.wait_for_entry(mark, status=400)
    assert entry["ai_refused"] not in ABSENT
    assert all(provider.requests == [] for provider in providers.values())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/2"])
def test_an_answer_with_trailers_is_read_to_its_end(gateway, openai_provider, stream, protocol):
    before = gateway.metrics.total("ai_tokens_total", tenant=TENANT, token_type="output")
    question = identity.fresh("mail marie@example.com")
    trailers = [("x-checksum", "abc")]

    async def echo_with_trailers(exchange):
        text = openai_wire.last_user_text(exchange.request.json())
        if stream:
            await scripts.stream(openai_wire.chat_events(text, "plain-gpt", True), 11, trailers=trailers)(exchange)
        else:
            await scripts.chunked_json(openai_wire.chat(text, "plain-gpt"), trailers)(exchange)

    openai_provider.script(echo_with_trailers)
    body = bodies.chat(question, stream=stream)
    if protocol == "HTTP/2":
        answer = http2.send(gateway.host_port, "POST", CHAT, [KEY, JSON], body)
    else:
        answer = post(gateway, body)
    assert answer.status == 200
    if stream:
        assert sse.chat_text(answer.body) == question
    else:
        assert answer.json()["choices"][0]["message"]["content"] == question
    eventually(lambda: gateway.metrics.total("ai_tokens_total", tenant=TENANT, token_type="output") == before + 7,
               what="seven more tokens")
