"""How much: usage of whole answers and of streams, and the limits of a plan."""

from __future__ import annotations

import json

import anthropic
import openai
import pytest

from bed import bodies, identity, sse
from bed.bodies import user
from bed.deadline import eventually
from providers import openai_wire, scripts

TENANT = "e2e-metered"
"""Only the tests of this file call as this tenant, one after the other."""

USAGE_OF_ONE_CHAT = {"input": 11, "cached_input": 3, "output": 7, "reasoning": 2}


class Counted:
    """How much a tenant's counters have grown since this was made."""

    def __init__(self, gateway, tenant: str = TENANT):
        self._gateway = gateway
        self._tenant = tenant
        self._before = self._read()

    def grown(self) -> dict[str, float]:
        now = self._read()
        grown = {name: value - self._before.get(name, 0) for name, value in now.items()}
        return {name: value for name, value in grown.items() if value}

    def wait_for(self, expected: dict[str, float]) -> None:
        eventually(lambda: self.grown() == expected, what=f"tokens {expected}, now {self.grown()}")

    def _read(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for sample in self._gateway.metrics.samples():
            if sample.name == "ai_tokens_total" and sample.labels.get("tenant") == self._tenant:
                kind = sample.labels["token_type"]
                found[kind] = found.get(kind, 0) + sample.value
        return found


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_tokens_of_a_chat_are_counted(gateway, clients, stream):
    counted = Counted(gateway)
    body = bodies.chat(identity.fresh(), stream=stream)
    assert clients.http(TENANT).post("/v1/chat/completions", content=body).status_code == 200
    counted.wait_for(USAGE_OF_ONE_CHAT)


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
@pytest.mark.parametrize("tear", [1, 13])
def test_the_tokens_of_a_torn_stream_are_counted(gateway, clients, providers, model, tear):
    counted = Counted(gateway)
    providers["openai" if model == "plain-gpt" else "anthropic"].script(scripts.echo(tear=tear, line_end=b"\r\n"))
    clients.http(TENANT).post("/v1/chat/completions", content=bodies.chat(identity.fresh(), model, stream=True))
    eventually(lambda: counted.grown().get("output") == 7, what="7 tokens of output")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_tokens_of_a_message_are_counted_with_those_of_the_providers_cache(gateway, clients, stream):
    counted = Counted(gateway)
    body = bodies.message(identity.fresh(), stream=stream)
    answer = clients.http(TENANT, anthropic_version="2023-06-01").post("/v1/messages", content=body)
    assert answer.status_code == 200
    # Anthropic's input_tokens exclude what its cache took: 11 + 2 written + 3 read.
    counted.wait_for({"input": 16, "cached_input": 3, "cache_write": 2, "output": 7})


def test_a_stream_is_counted_though_the_client_asked_for_no_totals(gateway, clients, openai_provider):
    counted = Counted(gateway)
    chunks = list(clients.openai(TENANT).chat.completions.create(
        model="plain-gpt", messages=user(identity.fresh()), stream=True))
    assert openai_provider.last.json()["stream_options"] == {"include_usage": True}
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    counted.wait_for(USAGE_OF_ONE_CHAT)


def test_other_stream_options_of_the_client_are_kept(clients, openai_provider):
    clients.http(TENANT).post("/v1/chat/completions", content=bodies.chat(
        identity.fresh(), stream=True, stream_options={"include_obfuscation": False}))
    assert openai_provider.last.json()["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_a_client_that_says_no_to_totals_gets_none_and_is_counted(gateway, clients, openai_provider):
    counted = Counted(gateway)
    answer = clients.http(TENANT).post("/v1/chat/completions", content=bodies.chat(
        identity.fresh(), stream=True, stream_options={"include_usage": False}))
    assert all(chunk["choices"] for chunk in sse.chunks(answer.content))
    assert openai_provider.last.json()["stream_options"] == {"include_usage": True}
    counted.wait_for(USAGE_OF_ONE_CHAT)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_without_usage_is_passed_on_and_the_next_is_counted(gateway, clients, openai_provider, stream):
    text = identity.fresh()
    if stream:
        openai_provider.script(scripts.stream(openai_wire.chat_events(text, "plain-gpt", True, usage=None)))
    else:
        openai_provider.script(scripts.json_answer(openai_wire.chat(text, "plain-gpt", usage=None)))
    answer = clients.http(TENANT).post("/v1/chat/completions", content=bodies.chat(text, stream=stream))
    assert answer.status_code == 200
    said = sse.chat_text(answer.content) if stream else answer.json()["choices"][0]["message"]["content"]
    assert said == text
    counted = Counted(gateway)
    clients.http(TENANT).post("/v1/chat/completions", content=bodies.chat(identity.fresh()))
    counted.wait_for(USAGE_OF_ONE_CHAT)


def test_embeddings_are_counted(gateway, clients):
    counted = Counted(gateway)
    clients.openai(TENANT).embeddings.create(
        model="plain-gpt", input=[identity.fresh(), "two"], encoding_format="float")
    counted.wait_for({"input": 10})


def test_the_access_log_has_the_usage(gateway, clients):
    mark = gateway.mark()
    clients.openai(TENANT).chat.completions.create(model="plain-gpt", messages=user(identity.fresh()))
    usage = json.loads(gateway.wait_for_entry(mark, ai_tenant=TENANT)["ai_usage"])
    assert usage == {"v": 1, "input": 11, "cached_input": 3, "cache_write": 0, "output": 7, "reasoning": 2}


def test_the_request_after_the_last_of_a_minute_is_a_rate_limit_error(clients, openai_provider, one_minute):
    client = clients.openai("e2e-two-0")
    for _ in range(2):
        client.chat.completions.create(model="plain-gpt", messages=user(identity.fresh()))
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="plain-gpt", messages=user(identity.fresh()))
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 60
    assert refused.value.body["type"] == "rate_limit_error"
    assert len(openai_provider.requests) == 2


def test_the_anthropic_sdk_gets_its_own_rate_limit_error(clients, anthropic_provider, one_minute):
    client = clients.anthropic("e2e-two-1")
    for _ in range(2):
        client.messages.create(model="plain-claude", max_tokens=5, messages=user(identity.fresh()))
    with pytest.raises(anthropic.RateLimitError) as refused:
        client.messages.create(model="plain-claude", max_tokens=5, messages=user(identity.fresh()))
    assert refused.value.body["error"]["type"] == "rate_limit_error"
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 60
    assert len(anthropic_provider.requests) == 2


def test_the_limit_of_one_tenant_is_not_the_limit_of_another(clients, one_minute):
    statuses = []
    for tenant in ("e2e-two-2", "e2e-two-2", "e2e-two-2", "e2e-two-3"):
        answer = clients.http(tenant).post("/v1/chat/completions", content=bodies.chat(identity.fresh()))
        statuses.append(answer.status_code)
    assert statuses == [200, 200, 429, 200]


@pytest.mark.parametrize(("tenant", "stream"), [("e2e-few-0", False), ("e2e-few-1", True)])
def test_a_budget_of_tokens_runs_out(clients, openai_provider, one_minute, tenant, stream):
    spent = {**openai_wire.USAGE, "prompt_tokens": 300, "completion_tokens": 200, "total_tokens": 500}
    if stream:
        openai_provider.script(scripts.stream(openai_wire.chat_events("x", "plain-gpt", True, usage=spent)))
    else:
        openai_provider.script(scripts.json_answer(openai_wire.chat("x", "plain-gpt", usage=spent)))
    client = clients.http(tenant)

    def call():
        return client.post("/v1/chat/completions", content=bodies.chat(identity.fresh("q"), max_tokens=5, stream=stream))

    assert call().status_code == 200
    refused = eventually(lambda: next((one for one in [call()] if one.status_code == 429), None), what="429")
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_a_refusal_is_counted_by_reason(gateway, clients, one_minute):
    before = gateway.metrics.total("ai_refusals_total", ai_filter="token-counter", tenant="e2e-two-4")
    for _ in range(3):
        clients.http("e2e-two-4").post("/v1/chat/completions", content=bodies.chat(identity.fresh()))
    after = eventually(lambda: gateway.metrics.total("ai_refusals_total", ai_filter="token-counter", tenant="e2e-two-4"))
    assert after - before == 1


def test_a_list_of_models_takes_nothing_from_the_budget(clients):
    client = clients.http("e2e-two-5")
    assert [client.get("/v1/models").status_code for _ in range(4)] == [200] * 4
