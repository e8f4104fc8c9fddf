"""docs/events.md says which callbacks run in which filter; here it is held against a real Envoy.

Each row of the table is one request, made while the filters' trace log is on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bed import bodies, http2, identity, raw, trace
from providers import openai_wire, scripts

TABLE = Path(__file__).resolve().parents[2] / "docs/events.md"
CHAT = "/v1/chat/completions"
JSON = ("content-type", "application/json")


def key(tenant: str = "e2e-green") -> tuple[str, str]:
    return ("authorization", f"Bearer {identity.key(tenant)}")


def post(gateway, body: bytes, *headers) -> raw.Answer:
    return raw.send(gateway.host_port, raw.request("POST", CHAT, [JSON, *(headers or [key()])], body))


ROWS: dict[str, Callable] = {}


def row(name: str) -> Callable:
    def add(run: Callable) -> Callable:
        ROWS[name] = run
        return run
    return add


@row("an answer of the provider")
def _answer(gateway, providers):
    return lambda: post(gateway, bodies.chat(identity.fresh())).status == 200


@row("a streamed answer")
def _stream(gateway, providers):
    return lambda: post(gateway, bodies.chat(identity.fresh(), stream=True)).status == 200


@row("an answer with trailers")
def _answer_with_trailers(gateway, providers):
    answer = openai_wire.chat("hello", "plain-gpt")
    providers["openai"].script(lambda exchange: scripts.chunked_json(answer, [("x-sum", "1")])(exchange))
    return lambda: post(gateway, bodies.chat(identity.fresh())).status == 200


@row("a cached answer")
def _hit(gateway, providers):
    body = bodies.chat(identity.fresh())
    assert post(gateway, body).header("x-ai-cache") == "miss"
    return lambda: post(gateway, body).header("x-ai-cache") == "hit"


@row("the list of models")
def _models(gateway, providers):
    return lambda: raw.send(gateway.host_port, raw.request("GET", "/v1/models", [key()])).status == 200


@row("refusal by `auth`")
def _refused_by_auth(gateway, providers):
    return lambda: post(gateway, bodies.chat("hi"), ("authorization", "Bearer wrong")).status == 401


@row("refusal by `pii-redactor`")
def _refused_by_redactor(gateway, providers):
    return lambda: post(gateway, b"[]").status == 400


@row("refusal by `token-counter`")
def _refused_by_counter(gateway, providers):
    body = bodies.chat(identity.fresh(), max_tokens=1_000_000)
    return lambda: post(gateway, body, key("e2e-few-3")).status == 429


@row("refusal by `model-router`")
def _refused_by_router(gateway, providers):
    return lambda: post(gateway, bodies.chat("hi", "no-such-model")).status == 404


@row("refusal by `model-router-upstream`")
def _refused_upstream(gateway, providers):
    return lambda: post(gateway, bodies.chat(identity.fresh(), "keyless-gpt")).status == 503


@row("an upgrade")
def _upgrade(gateway, providers):
    upgrade = [key(), ("connection", "upgrade"), ("upgrade", "websocket")]
    return lambda: raw.send(gateway.host_port, raw.request("GET", CHAT, upgrade)).status in (400, 403, 405)


@row("request trailers")
def _request_trailers(gateway, providers):
    return lambda: http2.send(gateway.host_port, "POST", CHAT, [key(), JSON], bodies.chat("hi"), [("x", "1")]).status == 400


@row("a body over the bound")
def _too_large(gateway, providers):
    return lambda: post(gateway, bodies.chat("x" * (9 << 20))).status == 413


@row("an error of the provider")
def _provider_error(gateway, providers):
    providers["openai"].script(scripts.openai_error(500))
    return lambda: post(gateway, bodies.chat(identity.fresh())).status == 500


@row("an error without a body")
def _headers_only(gateway, providers):
    providers["openai"].script(scripts.headers_only(503))
    return lambda: post(gateway, bodies.chat(identity.fresh(), "safe-gpt")).status == 503


@row("an unreachable provider")
def _unreachable(gateway, providers):
    def run():
        with providers["openai"].refusing():
            return post(gateway, bodies.chat(identity.fresh())).status == 503
    return run


@row("a fallback")
def _fallback(gateway, providers):
    providers["openai"].script(scripts.openai_error(503))
    return lambda: post(gateway, bodies.chat(identity.fresh(), "safe-gpt")).status == 200


@row("a reset by the provider in a stream")
def _reset(gateway, providers):
    providers["openai"].script(scripts.cut(openai_wire.chat_events("never the whole", "plain-gpt", True)[:4], "reset"))

    def run():
        with raw.Connection(gateway.host_port) as connection:
            connection.send(raw.request("POST", CHAT, [key(), JSON], bodies.chat(identity.fresh(), stream=True)))
            seen, _ = connection.read_as_far_as_it_goes()
            return b"never" in seen
    return run


@row("a client that leaves in a stream")
def _disconnect(gateway, providers):
    left = providers["openai"].gate()
    providers["openai"].script(scripts.stream_then_watch(openai_wire.chat_events("on and on", "plain-gpt", True)[:4], left))

    def run():
        connection = raw.Connection(gateway.host_port)
        connection.send(raw.request("POST", CHAT, [key(), JSON], bodies.chat(identity.fresh(), stream=True)))
        connection.read_until(b"on an")
        connection.kill()
        return left.await_open(5)
    return run


@row("a client that leaves before the answer")
def _disconnect_early(gateway, providers):
    hang = providers["openai"].gate()
    providers["openai"].script(scripts.hang(hang))

    def run():
        connection = raw.Connection(gateway.host_port)
        connection.send(raw.request("POST", CHAT, [key(), JSON], bodies.chat(identity.fresh())))
        providers["openai"].wait_for(1)
        connection.kill()
        return True
    return run


def table() -> dict[str, dict[str, list[str]]]:
    """The table as the page has it: row, plugin, steps."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    header, *rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if "---" not in line]
    plugins = [cell.strip("` ") for cell in header[1:]]
    assert plugins == trace.CHAIN, "the table's columns are the plugins in their order"
    return {name: {plugin: cell.split() for plugin, cell in zip(plugins, cells, strict=True)} for name, *cells in rows}


def test_the_table_has_a_row_for_each_of_these_and_no_other():
    assert list(table()) == list(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_the_callbacks_are_those_of_the_table(gateway, providers, name):
    run = ROWS[name](gateway, providers)
    with trace.tracing(gateway):
        mark = gateway.mark()
        assert run(), "the answer is not the one that this row is about"
        log = trace.wait_for_end(gateway, mark)
    assert trace.by_plugin(log) == table()[name]
    assert_order(trace.steps(log))


def assert_order(steps: list[tuple[str, str]]) -> None:
    """Requests run down the chain, answers back up, and the end down again."""
    for part, order in [("H", 1), ("h", -1), ("E", 1)]:
        plugins = [trace.CHAIN.index(plugin) for plugin, step in steps if step[0] == part]
        assert plugins == sorted(plugins, reverse=order < 0), part
