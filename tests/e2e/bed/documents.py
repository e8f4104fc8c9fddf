"""An endpoint on loopback that serves one document, and misbehaves as a test wants it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOCUMENT = "/document.json"
ELSEWHERE = "/elsewhere.json"


class DocumentEndpoint:
    """`document` is what it serves; `fault`, while there is one, answers instead."""

    def __init__(self, document: str, *, listening: bool = True):
        self.document = document
        self.fault: Callable[[Handler], None] | None = None
        self.asked: list[float] = []
        """When it was asked for the document, by the monotonic clock."""
        self.asked_elsewhere = 0
        self.released = threading.Event()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._server: ThreadingHTTPServer | None = None
        if listening:
            self.listen()

    def listen(self) -> None:
        """Connections are refused before."""
        handler = type("BoundHandler", (Handler,), {"endpoint": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = self._socket
        self._server.daemon_threads = True
        self._server.server_activate()
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        if self._server is not None:
            self._server.shutdown()
        self._socket.close()

    def asked_since(self, moment: float) -> int:
        return sum(at >= moment for at in self.asked)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: DocumentEndpoint

    def do_GET(self) -> None:
        if self.path != DOCUMENT:
            self.endpoint.asked_elsewhere += 1
            return self.say(200, self.endpoint.document.encode())
        self.endpoint.asked.append(time.monotonic())
        with contextlib.suppress(ConnectionError):
            if self.endpoint.fault is not None:
                return self.endpoint.fault(self)
            self.say(200, self.endpoint.document.encode())
        return None

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def hangs(handler: Handler) -> None:
    handler.endpoint.released.wait(30)


def fails(handler: Handler) -> None:
    handler.say(500, b'{"keys":[]}')


def talks_garbage(handler: Handler) -> None:
    handler.say(200, b"<html>\xff\x00 welcome to the guest network</html>")


def empties_the_set(handler: Handler) -> None:
    handler.say(200, b'{"keys":[]}')


def talks_for_10_mb(handler: Handler) -> None:
    handler.say(200, b'{"keys":["' + b"x" * 10_000_000 + b'"]}')


def redirects(handler: Handler) -> None:
    handler.say(302, b"", location=f"http://127.0.0.1:{handler.endpoint.port}{ELSEWHERE}")


def breaks_off(handler: Handler) -> None:
    """Half of what it announced, then the connection's end."""
    document = handler.endpoint.document.encode()
    handler.send_response(200)
    handler.send_header("content-length", str(len(document)))
    handler.end_headers()
    handler.wfile.write(document[: len(document) // 2])
    handler.close_connection = True
