"""Many at once: no stream hears another's words, and a limit is a limit on every worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bed import bodies, identity, raw, sse
from providers import scripts

CHAT = "/v1/chat/completions"
JSON = ("content-type", "application/json")


def post(gateway, tenant: str, body: bytes) -> raw.Answer:
    key = ("authorization", f"Bearer {identity.key(tenant)}")
    return raw.send(gateway.host_port, raw.request("POST", CHAT, [key, JSON], body))


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_streams_that_run_together_keep_their_words_apart(gateway, providers, model):
    count = 40
    providers["openai" if model == "plain-gpt" else "anthropic"].script(*[scripts.echo(delta=3, tear=17)] * count)

    def ask(number: int) -> tuple[str, str]:
        question = identity.fresh(f"{number}: person{number}@example.com and other{number}@example.org")
        answer = post(gateway, "e2e-blue" if number % 2 else "e2e-green", bodies.chat(question, model, stream=True))
        return question, sse.chat_text(answer.body)

    with ThreadPoolExecutor(20) as pool:
        answered = list(pool.map(ask, range(count)))
    assert [said for _, said in answered] == [asked for asked, _ in answered]


def test_a_limit_of_requests_holds_when_they_come_at_once(gateway, openai_provider, one_minute):
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda _: post(gateway, "e2e-two-6", bodies.chat(identity.fresh())).status, range(12)))
    assert sorted(statuses) == [200] * 2 + [429] * 10
    assert len(openai_provider.requests) == 2


def test_one_client_gets_answers_refusals_and_hits_in_turn(clients):
    asked = bodies.chat(identity.fresh())
    sequence = [
        (asked, 200),
        (asked, 200),
        (bodies.chat("hi", "nobody"), 404),
        (b"null", 400),
        (bodies.chat(identity.fresh(), "plain-claude", stream=True), 200),
        (bodies.chat(identity.fresh()), 200),
    ]
    client = clients.http()
    statuses = [client.post(CHAT, content=body).status_code for body, _ in sequence * 3]
    assert statuses == [status for _, status in sequence * 3]
