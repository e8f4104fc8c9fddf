"""A rolling restart: a new pod comes, the old one drains as Istio's agent has it drain, and no call notices.

tests/manifests/test_leaving.py holds that the shipped times leave room for it; here the drain time is one second.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import h2.config
import httpx
import h2.connection
import openai
import pytest
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, RstStreamFrame

from bed import identity, overlay, raw
from bed.bodies import user
from bed.deadline import eventually
from bed.gateway import OVERLAY, Gateway
from bed.rollout import Service, active_connections, drain
from conftest import NO_TLS, SDK_TIMEOUT
from providers import openai_wire, scripts

CALLERS = 3
CALLS_BETWEEN = 10
"""Calls that must have been answered before the next thing happens."""


@pytest.fixture
def pods(_scripted_upstreams, providers, tmp_path) -> Iterator:
    """Pods of the gateway: each call starts one more."""
    started: list[Gateway] = []

    def start(**environment: str) -> Gateway:
        folder = tmp_path / f"pod-{len(started)}"
        written = overlay.write(folder / "overlay", OVERLAY)
        started.append(Gateway(f"pod-{len(started)}", written, _scripted_upstreams, folder, environment=environment,
                               arguments=("-envoy-args", "--drain-time-s 1")))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def service(_providers) -> Iterator:
    made: list[Service] = []

    def make(*gateways: Gateway) -> Service:
        made.append(Service(_providers["openai"]._providers, *gateways))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def client_of(url: str, retries: int = 0) -> openai.OpenAI:
    """Without retries: whatever fails is seen."""
    return openai.OpenAI(base_url=f"{url}/v1", api_key=identity.key("e2e-blue"), max_retries=retries, timeout=SDK_TIMEOUT,
                         http_client=openai.DefaultHttpxClient(verify=NO_TLS))


class Callers:
    """Clients that ask all the time, each on connections of its own that it keeps."""

    def __init__(self, url: str):
        self._stop = threading.Event()
        self._counted = threading.Condition()
        self.answered = 0
        self._pool = ThreadPoolExecutor(CALLERS)
        self._running = [self._pool.submit(self._call, client_of(url)) for _ in range(CALLERS)]

    def _call(self, client: openai.OpenAI) -> None:
        with client:
            while not self._stop.is_set():
                question = identity.fresh()
                answer = client.chat.completions.create(model="plain-gpt", messages=user(question))
                assert answer.choices[0].message.content == question
                with self._counted:
                    self.answered += 1
                    self._counted.notify_all()

    def wait_for_more(self) -> None:
        with self._counted:
            wanted = self.answered + CALLS_BETWEEN
            assert self._counted.wait_for(lambda: self.answered >= wanted or self._failed(), 20)
        assert not self._failed()

    def _failed(self) -> bool:
        return any(one.done() for one in self._running)

    def stop(self) -> None:
        """Raises what a call raised."""
        self._stop.set()
        for one in self._running:
            one.result(SDK_TIMEOUT)
        self._pool.shutdown()


def refuses(gateway: Gateway) -> bool:
    try:
        socket.create_connection(gateway.host_port, 5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_rolling_restart_fails_no_call_and_cuts_no_stream(pods, service, openai_provider):
    old = pods()
    front = service(old)
    steps = openai_provider.steps()
    events = openai_wire.chat_events("a long answer of many words", "plain-gpt", include_usage=True)
    openai_provider.script(scripts.trickle(events, steps))
    steps.allow(3)
    long = client_of(front.url)
    chunks = iter(long.chat.completions.create(model="plain-gpt", messages=user(identity.fresh()), stream=True))
    first = next(chunks)

    callers = Callers(front.url)
    callers.wait_for_more()
    # What is rolled out is a rotated key of a provider: it is read when Envoy starts.
    rotated = {**identity.PROVIDER_KEYS, "openai": f"sk-rotated-{identity.PROVIDER_KEYS['openai']}"}
    new = pods(AI_PROVIDER_KEYS=json.dumps(rotated))
    # Ready is the new one, leaving is the old one: endpoints first, then SIGTERM.
    front.route_to(new)
    callers.wait_for_more()
    drain(old)
    callers.wait_for_more()
    eventually(lambda: refuses(old), 15, "the old pod's listeners to close")
    assert active_connections(old) == 1, "the stream is the only one left, and it keeps the pod"

    steps.allow(len(events))
    rest = list(chunks)
    assert first.choices and rest[-1].choices[0].finish_reason == "stop"
    long.close()
    eventually(lambda: active_connections(old) == 0, 15, "the old pod to be free")
    old.stop()
    callers.wait_for_more()
    callers.stop()
    assert openai_provider.last.header("authorization") == f"Bearer {rotated['openai']}"


def test_a_pod_that_dies_takes_its_own_streams_and_nothing_else(pods, service, openai_provider):
    """No drain, no grace: what the SDK's retries are for."""
    dying, staying = pods(), pods()
    events = openai_wire.chat_events("a long answer of many words", "plain-gpt", include_usage=True)
    streams = []
    for pod in (dying, staying):
        steps = openai_provider.steps()
        openai_provider.script(scripts.trickle(events, steps))
        steps.allow(3)
        client = client_of(pod.url)
        chunks = iter(client.chat.completions.create(model="plain-gpt", messages=user(identity.fresh()), stream=True))
        next(chunks)
        streams.append(chunks)
    front = service(dying, staying)
    with client_of(front.url, retries=2) as patient:
        dying.die()
        # Until the readiness probe has noticed, half of the connections still go there.
        for _ in range(CALLS_BETWEEN):
            assert patient.chat.completions.create(model="plain-gpt", messages=user(identity.fresh())).choices
        front.route_to(staying)
    with pytest.raises((httpx.TransportError, openai.APIConnectionError)):
        list(streams[0])
    steps.allow(len(events))
    assert list(streams[1])[-1].choices[0].finish_reason == "stop"


def test_while_a_pod_drains_http1_clients_are_told_to_leave_with_their_answer(pods):
    leaving = pods()
    ask = raw.request("GET", "/v1/models", [("authorization", f"Bearer {identity.key('e2e-blue')}")])
    with raw.Connection(leaving.host_port) as kept:
        kept.send(ask, "GET")
        assert kept.answer().header("connection") is None
        drain(leaving)
        kept.send(ask, "GET")
        told = kept.answer()
    assert (told.status, told.header("connection")) == (200, "close")


def test_while_a_pod_drains_http2_clients_get_goaway_and_their_streams_end_well(pods, openai_provider):
    leaving = pods()
    steps = openai_provider.steps()
    events = openai_wire.chat_events("a long answer", "plain-gpt", include_usage=False)
    openai_provider.script(scripts.trickle(events, steps))
    steps.allow(2)
    question = json.dumps({"model": "plain-gpt", "stream": True, "messages": user(identity.fresh())})
    with Http2(leaving.host_port) as client:
        client.ask(1, "POST", "/v1/chat/completions", question.encode())
        client.read_until(lambda: (1, DataFrame) in client.seen)
        drain(leaving)
        # Envoy says it with the next answer on the connection.
        client.ask(3, "GET", "/v1/models")
        client.read_until(lambda: (0, GoAwayFrame) in client.seen)
        steps.allow(len(events))
        client.read_until(lambda: client.ended == {1, 3})


class Http2:
    """A connection that takes frames as they come: h2's own would stop at the first GOAWAY, and here it begins to matter."""

    def __init__(self, address: tuple[str, int]):
        self._socket = socket.create_connection(address, SDK_TIMEOUT)
        self._sending = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._sending.initiate_connection()
        self._unread = b""
        self.seen: set[tuple[int, type]] = set()
        self.ended: set[int] = set()

    def __enter__(self) -> Http2:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, stream: int, method: str, path: str, body: bytes = b"") -> None:
        self._sending.send_headers(stream, [
            (":method", method), (":path", path), (":scheme", "http"), (":authority", "gateway.test"),
            ("authorization", f"Bearer {identity.key('e2e-blue')}")], end_stream=not body)
        if body:
            self._sending.send_data(stream, body, end_stream=True)
        self._socket.sendall(self._sending.data_to_send())

    def read_until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            frame = self._next_frame()
            assert not isinstance(frame, RstStreamFrame), "a stream was cut"
            self.seen.add((frame.stream_id, type(frame)))
            if "END_STREAM" in frame.flags:
                self.ended.add(frame.stream_id)

    def _next_frame(self) -> Frame:
        head = self._take(9)
        frame, length = Frame.parse_frame_header(memoryview(head))
        self._take(length)
        return frame

    def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            data = self._socket.recv(65536)
            assert data, f"the connection ended after {self.seen}"
            self._unread += data
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken
