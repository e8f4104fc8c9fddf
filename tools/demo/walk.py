"""The main job in nine steps: what is sent, what the provider receives, what comes back.

Each step checks what it shows: a demo that prints something else than the gateway's promise fails.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import anthropic
import openai
from providers import scripts

from .stage import PROVIDER_KEYS, TEAM_A, TINY, Stage

METRICS_DEADLINE = 10.0


def walk(stage: Stage) -> None:
    began = time.monotonic()
    for number, step in enumerate(STEPS, start=1):
        print(f"\n── {number}. {step.__doc__}")
        for provider in stage.providers.values():
            provider.reset()
        step(stage)
    print(f"\nDone in {time.monotonic() - began:.1f} s. `make up` leaves it running; `make test` proves it.")


def without_a_key(stage: Stage) -> None:
    """A call with a key that nobody knows is refused, as is one without; no provider hears of it"""
    client = openai.OpenAI(base_url=f"{stage.url}/v1", api_key="not-a-key", max_retries=0)
    try:
        ask(client, "gpt-4.1-mini", "Hello")
        raise AssertionError("a call without a key passed")
    except openai.AuthenticationError as error:
        show("back", f"{error.status_code} {error.body}")
    request = urllib.request.Request(f"{stage.url}/v1/models")
    try:
        urllib.request.urlopen(request, timeout=10).close()
        raise AssertionError("a call without a key passed")
    except urllib.error.HTTPError as error:
        show("back", f"{error.code} {json.load(error)['error']['message']}")
        expect(error.code == 401, "401 without a key")
    expect(not any(provider.requests for provider in stage.providers.values()), "no provider was called")


def a_chat(stage: Stage) -> None:
    """A chat with the official OpenAI SDK: the provider gets its own key, the client's stays here"""
    answer = ask(client_of(stage), "gpt-4.1-mini", "What is a mesh?")
    received = stage.providers["openai"].last
    show("sent", f"model gpt-4.1-mini, key {TEAM_A}")
    show("provider", f"{received.method} {received.path}, authorization {received.header('authorization')}")
    show("back", answer)
    expect(received.header("authorization") == f"Bearer {PROVIDER_KEYS['openai']}", "the provider's own key")
    expect(TEAM_A not in str(received.headers), "the client's key stays here")


def a_stream(stage: Stage) -> None:
    """A stream comes as it is made, and its tokens are counted though the client didn't ask"""
    stream = client_of(stage).chat.completions.create(
        model="gpt-4.1-mini", stream=True, messages=[{"role": "user", "content": "Count the words in this sentence."}])
    pieces = [chunk.choices[0].delta.content for chunk in stream]
    received = json.loads(stage.providers["openai"].last.body)
    show("provider", f"stream_options {received.get('stream_options')}")
    show("back", " | ".join(piece for piece in pieces if piece))
    expect(received["stream_options"] == {"include_usage": True}, "the gateway asked for usage")


def the_same_again(stage: Stage) -> None:
    """The same question again comes from the cache"""
    client = client_of(stage)
    for wanted in ("miss", "hit"):
        raw = client.chat.completions.with_raw_response.create(
            model="gpt-4.1", messages=[{"role": "user", "content": "Which day is the first of the week?"}])
        show("back", f"x-ai-cache: {raw.headers.get('x-ai-cache')}")
        expect(raw.headers.get("x-ai-cache") == wanted, f"a {wanted}")
    expect(len(stage.providers["openai"].requests) == 1, "the provider was asked once")


def an_address(stage: Stage) -> None:
    """An e-mail address that the provider never sees, and the client gets back"""
    answer = ask(client_of(stage), "gpt-4.1-mini", "Write to ann.lee@bank.example about the loan.")
    received = stage.providers["openai"].last.body.decode()
    show("sent", "Write to ann.lee@bank.example about the loan.")
    show("provider", json.loads(received)["messages"][0]["content"])
    show("back", answer)
    expect("ann.lee" not in received, "the provider never saw the address")
    expect("ann.lee@bank.example" in answer, "the client got it back")


def another_api(stage: Stage) -> None:
    """An Anthropic model behind the OpenAI API, and Anthropic's own SDK"""
    answer = ask(client_of(stage), "claude-sonnet-4-6", "Say hello.", stream=True)
    received = stage.providers["anthropic"].last
    show("provider", f"{received.method} {received.path}, {received.body.decode()}")
    show("back", f"{answer}   (as OpenAI's chunks)")
    expect(received.path == "/v1/messages", "Anthropic's own path")
    native = anthropic.Anthropic(base_url=stage.url, api_key=TEAM_A, max_retries=0)
    message = native.messages.create(model="claude-sonnet-4-6", max_tokens=64,
                                     messages=[{"role": "user", "content": "And in your own words?"}])
    show("back", f"{message.content[0].text}   (by Anthropic's SDK)")


def a_provider_is_down(stage: Stage) -> None:
    """A provider is down: the model's fallback answers"""
    stage.providers["openai"].script(scripts.html_error(502))
    answer = ask(client_of(stage), "gpt-4.1-mini", "Are you there?")
    received = json.loads(stage.providers["vllm"].last.body)
    show("openai", "502 <html>…")
    show("vllm", f"model {received['model']}")
    show("back", answer)
    expect(received["model"] == "granite-3.3-8b-instruct", "the fallback's own model name")


def a_budget(stage: Stage) -> None:
    """A budget runs out: tenant tiny has three requests a minute"""
    client = openai.OpenAI(base_url=f"{stage.url}/v1", api_key=TINY, max_retries=0)
    for attempt in range(1, 9):
        try:
            ask(client, "gpt-4.1-mini", f"Question {attempt}")
            show("back", f"call {attempt}: 200")
        except openai.RateLimitError as error:
            wait = error.response.headers.get("retry-after")
            show("back", f"call {attempt}: 429, retry-after: {wait} s, {error.body}")
            expect(wait is not None and 0 < int(wait) <= 60, "a time to wait")
            return
    raise AssertionError("eight calls passed a budget of three a minute")


def the_metrics(stage: Stage) -> None:
    """The metrics that all this left in Prometheus"""
    wanted = ["ai_requests_total", "ai_tokens_total", "ai_cost_microdollars_total", "ai_refusals_total",
              "ai_fallbacks_total", "ai_cache_lookups_total"]
    end = time.monotonic() + METRICS_DEADLINE
    while True:
        with urllib.request.urlopen(f"http://{stage.admin}/stats/prometheus", timeout=10) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith("ai_")]
        missing = [name for name in wanted if not any(line.startswith(name) for line in lines)]
        # The numbers of the last call come when its stream ends, a moment after its answer.
        if not missing or time.monotonic() > end:
            break
    for line in lines:
        if any(line.startswith(name) for name in wanted):
            print(f"     {line}")
    expect(not missing, f"metrics {missing} are there")


STEPS: list[Callable[[Stage], None]] = [
    without_a_key, a_chat, a_stream, the_same_again, an_address, another_api, a_provider_is_down,
    a_budget, the_metrics,
]


def client_of(stage: Stage) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{stage.url}/v1", api_key=TEAM_A, max_retries=0)


def ask(client: openai.OpenAI, model: str, text: str, stream: bool = False) -> str:
    messages = [{"role": "user", "content": text}]
    if not stream:
        return client.chat.completions.create(model=model, messages=messages).choices[0].message.content
    chunks = client.chat.completions.create(model=model, messages=messages, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def show(who: str, what: object) -> None:
    print(f"     {who:9} {what}")


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"the demo expected: {what}")
