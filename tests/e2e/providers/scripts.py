"""Scripts: what the provider does with one request.

A script is a coroutine function that takes the `Exchange`. `well_behaved` is
what a provider answers when a test asked for nothing special: it repeats what
it was sent, so that a test sees from the answer alone what left the gateway.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from . import anthropic_wire, openai_wire, responses_wire
from .http1 import Exchange

Script = Callable[[Exchange], Awaitable[None]]

EVENT_STREAM = [("content-type", "text/event-stream"), ("cache-control", "no-cache")]


# --- answers in good order -------------------------------------------------------------------

async def well_behaved(exchange: Exchange) -> None:
    """Answers by path as the provider of that API would, and repeats the user's text."""
    await echo()(exchange)


def echo(delta: int = 5, tear: int | None = None, line_end: bytes = b"\n") -> Script:
    """Repeats the last user message; streams carry `delta` characters in each event,
    are torn into pieces of `tear` bytes, and end their lines with `line_end`."""

    async def script(exchange: Exchange) -> None:
        request = exchange.request
        if request.path.endswith("/models"):
            await answer_json(exchange, 200, openai_wire.models(["scripted-model"]))
            return
        try:
            body = json.loads(request.body)
        except ValueError:
            await answer_json(exchange, 400, openai_wire.error("not JSON", "invalid_request_error"))
            return
        for path, answer in ANSWERS.items():
            if request.path.endswith(path):
                await answer(exchange, body, Manner(delta, tear, line_end))
                return
        await answer_json(exchange, 404, openai_wire.error("no such path", "invalid_request_error"))

    return script


@dataclass(frozen=True)
class Manner:
    """How a stream is spelled and torn."""

    delta: int
    tear: int | None
    line_end: bytes

    def stream(self, events: list[bytes]) -> Script:
        return stream(events, self.tear, self.line_end)


async def _chat(exchange: Exchange, body: dict, manner: Manner) -> None:
    text = openai_wire.last_user_text(body)
    if body.get("stream") is True:
        wants_usage = (body.get("stream_options") or {}).get("include_usage") is True
        events = openai_wire.chat_events(text, body["model"], wants_usage, delta=manner.delta)
        await manner.stream(events)(exchange)
    else:
        await answer_json(exchange, 200, openai_wire.chat(text, body["model"]))


async def _message(exchange: Exchange, body: dict, manner: Manner) -> None:
    text = anthropic_wire.last_user_text(body)
    if body.get("stream") is True:
        events = anthropic_wire.message_events(text, body["model"], delta=manner.delta)
        await manner.stream(events)(exchange)
    else:
        await answer_json(exchange, 200, anthropic_wire.message(text, body["model"]),
                          [("request-id", "req_scripted")])


async def _response(exchange: Exchange, body: dict, manner: Manner) -> None:
    text = responses_wire.input_text(body)
    if body.get("stream") is True:
        await manner.stream(responses_wire.events(text, body["model"], manner.delta))(exchange)
    else:
        await answer_json(exchange, 200, responses_wire.response(text, body["model"]))


async def _completion(exchange: Exchange, body: dict, _: Manner) -> None:
    await answer_json(exchange, 200, openai_wire.completion(body["prompt"], body["model"]))


async def _embeddings(exchange: Exchange, body: dict, _: Manner) -> None:
    inputs = body["input"]
    count = len(inputs) if isinstance(inputs, list) else 1
    await answer_json(exchange, 200, openai_wire.embeddings(body["model"], count))


async def _count_tokens(exchange: Exchange, _: dict, __: Manner) -> None:
    await answer_json(exchange, 200, {"input_tokens": 14})


ANSWERS = {
    "/chat/completions": _chat,
    "/messages": _message,
    "/messages/count_tokens": _count_tokens,
    "/responses": _response,
    "/completions": _completion,
    "/embeddings": _embeddings,
}
"""By the end of the path; the first that fits."""


async def answer_json(exchange: Exchange, status: int, body: dict,
                      headers: list[tuple[str, str]] | None = None) -> None:
    await exchange.answer(status, json.dumps(body, ensure_ascii=False).encode(), headers=headers)


def json_answer(body: dict, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Script:
    async def script(exchange: Exchange) -> None:
        await answer_json(exchange, status, body, headers)

    return script


def raw_answer(body: bytes, status: int = 200, content_type: str = "application/json",
               headers: list[tuple[str, str]] | None = None) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, body, content_type, headers)

    return script


# --- streams -----------------------------------------------------------------------------------

def stream(events: list[bytes], tear: int | None = None, line_end: bytes = b"\n",
           trailers: list[tuple[str, str]] | None = None) -> Script:
    """A whole event stream; `tear=1` sends each byte alone and waits until it was read."""
    spelled = b"".join(events).replace(b"\n", line_end)

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENT_STREAM)
        await exchange.write_torn(spelled, tear or len(spelled))
        await exchange.end(trailers)

    return script


def trickle(events: list[bytes], steps: Steps) -> Script:
    """An event stream that sends its next event when the test allows a step."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENT_STREAM)
        for one in events:
            await steps.wait()
            await exchange.write(one)
        await exchange.end()

    return script


def cut(events: list[bytes], how: str) -> Script:
    """A stream that breaks off after `events`: by TCP `reset`, or by a plain `close`
    although the chunked body hasn't ended."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENT_STREAM)
        await exchange.write_torn(b"".join(events), 4096)
        if how == "reset":
            exchange.reset()
        elif how == "close":
            exchange.close()
        else:
            raise ValueError(how)

    return script


def stream_then_watch(events: list[bytes], left: Gate) -> Script:
    """Sends `events`, then waits for the gateway to leave, and opens `left` when it has."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENT_STREAM)
        for one in events:
            await exchange.write(one)
        await exchange.gone()
        left.open_here()
        exchange.close()

    return script


# --- errors --------------------------------------------------------------------------------------

def too_many_requests(retry_after: str | None) -> Script:
    headers = [] if retry_after is None else [("retry-after", retry_after)]
    return json_answer(openai_wire.error("slow down", "rate_limit_error", "rate_limit_exceeded"), 429, headers)


def openai_error(status: int, kind: str = "server_error", message: str = "scripted failure") -> Script:
    return json_answer(openai_wire.error(message, kind), status)


def anthropic_error(status: int, kind: str, message: str = "scripted failure") -> Script:
    return json_answer(anthropic_wire.error(kind, message), status)


def html_error(status: int = 502) -> Script:
    return raw_answer(b"<html><body><h1>Bad Gateway</h1></body></html>", status, "text/html")


def headers_only(status: int = 503) -> Script:
    """An error without a body: end of stream comes with the headers."""
    return raw_answer(b"", status, "text/plain")


def large_error(status: int = 503, size: int = 300 * 1024) -> Script:
    return json_answer(openai_wire.error("x" * size, "server_error"), status)


# --- answers that break a rule ---------------------------------------------------------------------

def short_of_its_length(body: bytes, missing: int) -> Script:
    """Promises `missing` bytes more than it sends, then closes."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, [("content-type", "application/json")], length=len(body) + missing)
        await exchange.write(body)
        await exchange.taken()
        exchange.close()

    return script


def compressed(body: dict, status: int = 200) -> Script:
    """A gzip answer, although the gateway asked for none."""
    packed = gzip.compress(json.dumps(body).encode())
    return raw_answer(packed, status, headers=[("content-encoding", "gzip")])


def compressed_stream(events: list[bytes]) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.head(200, [*EVENT_STREAM, ("content-encoding", "gzip")])
        await exchange.write(gzip.compress(b"".join(events)))
        await exchange.end()

    return script


def chunked_json(body: dict, trailers: list[tuple[str, str]] | None = None, tear: int = 64) -> Script:
    """A JSON answer without a content-length, in small pieces, with trailers at its end."""
    spelled = json.dumps(body).encode()

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, [("content-type", "application/json")])
        await exchange.write_torn(spelled, tear)
        await exchange.end(trailers)

    return script


def hang(release: Gate) -> Script:
    """Says nothing until the test lets it answer, or until the gateway gives up."""

    async def script(exchange: Exchange) -> None:
        gone = asyncio.ensure_future(exchange.gone())
        freed = asyncio.ensure_future(release.wait())
        done, pending = await asyncio.wait({gone, freed}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if gone in done:
            exchange.close()
        else:
            await asyncio.gather(*pending, return_exceptions=True)
            await well_behaved(exchange)

    return script


def drop(exchange_before_answer: str = "reset") -> Script:
    """Ends the connection without a byte of an answer."""

    async def script(exchange: Exchange) -> None:
        exchange.reset() if exchange_before_answer == "reset" else exchange.close()

    return script


# --- what a test turns ---------------------------------------------------------------------------

class Gate:
    """Shut until the test opens it; waited on in the provider's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._event = asyncio.Event()

    def open(self) -> None:
        """From the test's thread."""
        self._loop.call_soon_threadsafe(self._event.set)

    def open_here(self) -> None:
        """From a script."""
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()

    def await_open(self, seconds: float) -> bool:
        """From the test's thread: whether a script opened the gate in time."""
        waiting = asyncio.run_coroutine_threadsafe(asyncio.wait_for(self._event.wait(), seconds), self._loop)
        try:
            waiting.result(seconds + 1)
        except TimeoutError:
            return False
        return True


class Steps:
    """A count of events that a trickling stream may send."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._allowed = asyncio.Semaphore(0)

    def allow(self, count: int = 1) -> None:
        for _ in range(count):
            self._loop.call_soon_threadsafe(self._allowed.release)

    async def wait(self) -> None:
        await self._allowed.acquire()
