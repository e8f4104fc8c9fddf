"""What each filter went through on one stream, read from Envoy's log at level trace.

The proxy-wasm host writes a line for each event and the flow that the filter
answered with; Envoy puts the plugin's name before it.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

from .deadline import eventually

CHAIN = ["auth", "pii-redactor", "token-counter", "model-router", "response-cache", "model-router-upstream"]
"""The plugins in the order in which a request meets them."""

LINE = re.compile(r"wasm log \S*?\.(?P<plugin>[a-z-]+)[^:]*: [a-z-]+: (?P<event>[a-z_]+) -> (?P<flow>[a-z]+)")

PARTS = {
    "request_headers": "H",
    "request_body": "B",
    "request_body_end": "B",
    "request_trailers": "T",
    "response_headers": "h",
    "response_body": "b",
    "response_body_end": "b",
    "response_trailers": "t",
    "call_answered": "c",
    "ended": "E",
}
"""How the table names an event. In how many pieces a body comes is the network's matter."""

TELLING = {"reply": "!", "await": "…"}
"""Flows that change the course of the stream; the others are each filter's own business."""


@contextmanager
def tracing(gateway) -> Iterator[None]:
    _level(gateway, "trace")
    try:
        yield
    finally:
        _level(gateway, "warning")


def steps(log: str) -> list[tuple[str, str]]:
    """Plugin and step, in order of time."""
    return [(match["plugin"], PARTS[match["event"]] + TELLING.get(match["flow"], "")) for match in LINE.finditer(log)]


def by_plugin(log: str) -> dict[str, list[str]]:
    """For each plugin of the chain its steps; a body counts once, in however many pieces it came."""
    everything = steps(log)
    once = {plugin: [step for step, _ in groupby(s for p, s in everything if p == plugin)] for plugin in CHAIN}
    return {plugin: [step for step, after in zip(found, [*found[1:], ""]) if after != f"{step}!"]
            for plugin, found in once.items()}


def wait_for_end(gateway, mark) -> str:
    """The log since `mark`, once every plugin that hears of it has seen the stream's end."""

    def ended() -> str | None:
        log = gateway.log_since(mark)
        taking_part = by_plugin(log)
        # `auth` looks at requests only, and doesn't hear of the end.
        hear_of_it = [steps for plugin, steps in taking_part.items() if plugin != "auth"]
        return log if all(steps[-1:] == ["E"] for steps in hear_of_it) else None

    return eventually(ended, what="the end of the stream in every plugin")


def _level(gateway, level: str) -> None:
    request = urllib.request.Request(f"http://{gateway.admin}/logging?wasm={level}", method="POST")
    urllib.request.urlopen(request, timeout=5).close()
