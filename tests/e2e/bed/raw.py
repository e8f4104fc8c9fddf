"""Clients for what no well-behaved library would send.

`send` writes bytes on a plain socket and reads one answer; `open_stream` keeps
the socket, to read a stream bit by bit and to leave in the middle of it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from dataclasses import dataclass

import h11

DEADLINE = 20.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]]

    def header(self, name: str) -> str | None:
        for key, value in self.headers:
            if key == name.lower():
                return value
        return None

    def json(self):
        return json.loads(self.body)


class Connection:
    """One HTTP/1.1 connection; requests are bytes, answers are parsed by h11.
    `source` is an address of this machine to come from: on Linux, all of 127/8 is."""

    def __init__(self, address: tuple[str, int], source: str | None = None):
        self._socket = socket.create_connection(address, DEADLINE, source_address=(source, 0) if source else None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser: h11.Connection | None = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes, method: str = "POST") -> None:
        """Bytes as they are. `method` tells how to read the answer's body."""
        self._parser = _parser_after(method)
        self.send_more(data)

    def send_more(self, data: bytes) -> None:
        # An answer may already be there, and the rest of the request unwanted.
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def head(self) -> h11.Response:
        while True:
            event = self._next()
            if isinstance(event, h11.Response):
                return event

    def next_data(self) -> bytes | None:
        """The next piece of the body, the head skipped; `None` at its end."""
        event = self._next()
        while isinstance(event, h11.Response):
            event = self._next()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            self._trailers = _text(event.headers)
            return None
        raise AssertionError(f"unexpected {type(event).__name__}")

    def read_until(self, wanted: bytes) -> bytes:
        """The body as far as it must be read to have seen `wanted`."""
        seen = b""
        while wanted not in seen:
            data = self.next_data()
            if data is None:
                raise AssertionError("the body ended too early")
            seen += data
        return seen

    def answer(self) -> Answer:
        """The whole answer; an error if the connection breaks before its end."""
        head = self.head()
        body = b""
        while (data := self.next_data()) is not None:
            body += data
        return Answer(head.status_code, _text(head.headers), body, self._trailers)

    def read_as_far_as_it_goes(self) -> tuple[bytes, bool]:
        """The body as far as it came, and whether it came to its own end."""
        seen = b""
        try:
            while (data := self.next_data()) is not None:
                seen += data
        except (ConnectionResetError, h11.RemoteProtocolError):
            return seen, False
        return seen, True

    def kill(self) -> None:
        """Leaves with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _next(self):
        while True:
            event = self._parser.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._parser.receive_data(self._socket.recv(65536))


def send(address: tuple[str, int], data: bytes, method: str = "POST") -> Answer:
    with Connection(address) as connection:
        connection.send(data, method)
        return connection.answer()


def request(method: str, path: str, headers: list[tuple[str, str | bytes]], body: bytes = b"",
            host: str = "gateway.test") -> bytes:
    """The bytes of a request with a content-length; header values may be any bytes."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"host: " + host.encode()]
    for name, value in headers:
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode("latin-1")))
    if body or method == "POST":
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _parser_after(method: str) -> h11.Connection:
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    parser.send(h11.Request(method=method, target="/", headers=[("host", "x"), ("content-length", "0")]))
    parser.send(h11.EndOfMessage())
    return parser


def _text(headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
