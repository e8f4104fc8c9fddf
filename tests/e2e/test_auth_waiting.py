"""Requests that wait for keys: what the proxy holds of their bodies, and whom a flood of them leaves alone."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import h2.config
import h2.connection
import h2.exceptions
import pytest

from bed import documents, raw
from bed.documents import DOCUMENT, DocumentEndpoint
from bed.static_envoy import StaticEnvoy, auth_filter
from bed.tokens import AUDIENCE, good_token, key_set, rsa_key

TENANT = "waiting"
KEYS = key_set(rsa_key("a").jwk(kid="a", use="sig"))
MIB = 1024 * 1024
MOST_HELD = 16 * MIB
"""What a worker holds of the bodies of requests that wait for one of two key sets."""
LEAST_SENT = 4 * MIB
"""Less is no flood."""


@pytest.fixture
def hanging(tmp_path) -> Iterator[StaticEnvoy]:
    """One worker and two issuers; the endpoint of the first hangs."""
    endpoints = {"hangs": DocumentEndpoint(KEYS), "works": DocumentEndpoint(KEYS)}
    endpoints["hangs"].fault = documents.hangs
    issuers = {name: {"issuer": f"https://{name}.example.com", "audiences": [AUDIENCE], "algorithms": ["RS256"], "tenant": TENANT,
                      "jwks": {"cluster": name, "authority": "keys.example.com", "path": DOCUMENT, "timeoutMilliseconds": 30_000}}
               for name in endpoints}
    configuration = {"hosts": {"all": {"authority": "*", "sources": ["jwt"]}}, "issuers": issuers,
                     "tenants": {TENANT: {"plan": "p", "models": ["*"]}}}
    envoy = StaticEnvoy(tmp_path, {"all": [auth_filter("auth-all", configuration)]},
                        {name: endpoint.port for name, endpoint in endpoints.items()})
    yield envoy
    for endpoint in endpoints.values():
        endpoint.stop()
    envoy.stop()


@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "no length"])
def test_what_is_held_of_those_who_wait_is_bounded_and_leaves_another_issuer_s_callers_alone(
        hanging, protocol, announced, record_property):
    address, began = hanging.address("all"), int(json.loads(hanging.ask("/memory"))["allocated"])
    strange = good_token(rsa_key("a"), "a", iss="https://hangs.example.com")
    flood = _flood_http1 if protocol == "HTTP/1.1" else _flood_http2
    with contextlib.ExitStack() as kept:
        sent = flood(kept, address, strange, announced)
        grown = int(json.loads(hanging.ask("/memory"))["allocated"]) - began
        record_property("held", f"{grown / MIB:.1f} MiB of {sent / MIB:.1f} MiB sent")
        waited = _of_issuer(address, "works")
    assert sent > LEAST_SENT
    assert grown < 1.25 * MOST_HELD, f"{grown / MIB:.1f} MiB"
    assert waited == 200


def _of_issuer(address: tuple[str, int], name: str) -> int:
    credential = good_token(rsa_key("a"), "a", iss=f"https://{name}.example.com")
    asked = raw.request("GET", "/v1/models", [("authorization", f"Bearer {credential}")])
    return raw.send(address, asked, "GET").status


def _flood_http1(kept: contextlib.ExitStack, address: tuple[str, int], credential: str, announced: bool) -> int:
    sent = 0
    for _ in range(60):
        sock = kept.enter_context(socket.create_connection(address, 5))
        sock.settimeout(0.3)
        length = "content-length: 8000000" if announced else "transfer-encoding: chunked"
        piece = bytes(65536) if announced else b"10000\r\n" + bytes(65536) + b"\r\n"
        with contextlib.suppress(OSError):
            sock.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: a.test\r\n"
                         f"authorization: Bearer {credential}\r\n{length}\r\n\r\n".encode())
            for _ in range(100):
                sock.sendall(piece)
                sent += 65536
    return sent


def _flood_http2(kept: contextlib.ExitStack, address: tuple[str, int], credential: str, announced: bool) -> int:
    sent = 0
    for _ in range(10):
        sock = kept.enter_context(socket.create_connection(address, 5))
        sock.settimeout(1)
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        connection.initiate_connection()
        streams = range(1, 50, 2)
        for stream in streams:
            length = [("content-length", "8000000")] if announced else []
            connection.send_headers(stream, [
                (":method", "POST"), (":path", "/v1/chat/completions"), (":scheme", "http"), (":authority", "a.test"),
                ("authorization", f"Bearer {credential}"), *length])
        # As much as each window takes, and what is given back of it.
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            while True:
                before = sent
                sock.sendall(connection.data_to_send())
                connection.receive_data(sock.recv(65536))
                for stream in streams:
                    with contextlib.suppress(h2.exceptions.ProtocolError):
                        while size := min(16384, connection.local_flow_control_window(stream)):
                            connection.send_data(stream, bytes(size))
                            sock.sendall(connection.data_to_send())
                            sent += size
                if sent == before:
                    sock.settimeout(0.3)
    return sent
