"""A small HTTP/2 client without TLS: for requests with trailers, and for resets."""

from __future__ import annotations

import socket

import h2.config
import h2.connection
import h2.events

from .raw import DEADLINE, Answer


def send(address: tuple[str, int], method: str, path: str, headers: list[tuple[str, str]], body: bytes,
         trailers: list[tuple[str, str]] | None = None, piece: int = 16_000) -> Answer:
    """One request on a connection of its own, its body in frames of at most `piece` bytes."""
    with socket.create_connection(address, DEADLINE) as sock:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        connection.initiate_connection()
        pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "gateway.test")]
        connection.send_headers(1, [*pseudo, *headers], end_stream=not body and not trailers)
        sock.sendall(connection.data_to_send())
        for start in range(0, len(body), piece):
            last = start + piece >= len(body) and not trailers
            connection.send_data(1, body[start:start + piece], end_stream=last)
        if trailers:
            connection.send_headers(1, trailers, end_stream=True)
        sock.sendall(connection.data_to_send())
        return _answer(sock, connection)


def _answer(sock: socket.socket, connection: h2.connection.H2Connection) -> Answer:
    status, headers, body, trailers = 0, [], b"", []
    while True:
        data = sock.recv(65536)
        if not data:
            raise AssertionError("the connection ended before the answer")
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                fields = _text(event.headers)
                status = int(dict(fields)[":status"])
                headers = [(name, value) for name, value in fields if not name.startswith(":")]
            elif isinstance(event, h2.events.DataReceived):
                body += event.data
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.TrailersReceived):
                trailers = _text(event.headers)
            elif isinstance(event, h2.events.StreamEnded):
                return Answer(status, headers, body, trailers)
            elif isinstance(event, h2.events.StreamReset):
                raise AssertionError(f"the stream was reset: {event.error_code}")
        sock.sendall(connection.data_to_send())


def _text(fields) -> list[tuple[str, str]]:
    return [(_decoded(name), _decoded(value)) for name, value in fields]


def _decoded(field: bytes | str) -> str:
    return field.decode("latin-1") if isinstance(field, bytes) else field
