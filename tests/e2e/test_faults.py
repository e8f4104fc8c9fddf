"""The faults of tests/chaos, done to one Envoy while clients ask all the time. Pods that leave: test_drain.py."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from bed import identity
from bed.bodies import user
from bed.deadline import eventually
from providers import scripts

SOON = 2.0
"""Seconds within which a client has to hear of an outage."""


def ask(client: openai.OpenAI, model: str):
    return client.chat.completions.create(model=model, messages=user(identity.fresh()))


def test_an_outage_is_bridged_by_the_fallback_and_its_end_is_noticed(clients, openai_provider, vllm_provider):
    client = clients.openai()
    ask(client, "safe-gpt")
    assert len(openai_provider.requests) == 1
    with openai_provider.refusing():
        answered = Counter(ask(client, "safe-gpt").model for _ in range(20))
    assert answered == {"granite-to-the-rescue": 20}
    before = len(openai_provider.requests)

    def back() -> bool:
        ask(client, "safe-gpt")
        return len(openai_provider.requests) > before

    # The provider's address was left out after three failures, for 30 s at most (DestinationRule), but never the last one.
    eventually(back, 10, "the provider to be asked again")


def test_an_outage_without_a_fallback_is_told_soon_and_ends_with_the_outage(clients, openai_provider):
    client = clients.openai()
    with openai_provider.refusing():
        began = time.monotonic()
        with pytest.raises(openai.InternalServerError) as refused:
            ask(client, "plain-gpt")
        assert time.monotonic() - began < SOON
        assert refused.value.status_code == 503
    eventually(lambda: _answers(client), 10, "the provider to be asked again")


def test_an_outage_of_one_provider_is_not_felt_at_another(clients, openai_provider, anthropic_provider, vllm_provider):
    client = clients.openai()
    with openai_provider.refusing():
        for _ in range(5):
            with pytest.raises(openai.InternalServerError):
                ask(client, "plain-gpt")
            assert ask(client, "plain-claude").choices
            assert ask(client, "plain-vllm").choices


def test_a_provider_that_hangs_keeps_nobody_else_waiting(clients, openai_provider, vllm_provider):
    """Silence costs the calls that wait for it, and no worker: more of them than there are workers."""
    client = clients.openai()
    release = openai_provider.gate()
    stuck = 8
    openai_provider.script(*[scripts.hang(release)] * stuck)
    with ThreadPoolExecutor(stuck) as pool:
        waiting = [pool.submit(ask, client, "plain-gpt") for _ in range(stuck)]
        openai_provider.wait_for(stuck)
        for _ in range(10):
            began = time.monotonic()
            assert ask(client, "plain-vllm").choices
            assert time.monotonic() - began < SOON
        release.open()
        assert all(one.result(20).choices for one in waiting)


def test_a_flapping_provider_costs_no_call_that_has_a_fallback(clients, openai_provider, vllm_provider):
    client = clients.openai()
    failures = [scripts.html_error(502), scripts.drop("reset"), scripts.too_many_requests("1"), scripts.openai_error(500)]
    for number in range(12):
        if number % 2:
            openai_provider.script(failures[number // 2 % len(failures)])
        assert ask(client, "safe-gpt").choices[0].message.content


def _answers(client: openai.OpenAI) -> bool:
    try:
        return bool(ask(client, "plain-gpt").choices)
    except openai.InternalServerError:
        return False
