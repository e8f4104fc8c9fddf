"""HTTP/1.1 for the scripted provider, close enough to the wire to misbehave on purpose.

Reads requests as bytes (what a filter changed must be visible, also odd
spacing and the order of headers) and writes answers piece by piece: an
`Exchange` can tear a stream at every byte, break off in the middle, promise
more bytes than it sends, or end with trailers.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from dataclasses import dataclass

from .unread import Kernel

MAX_HEAD = 1 << 20
"""Longest request head that is read, in bytes."""

READ_DEADLINE = 5.0
"""Seconds that a torn stream waits for its reader at each piece."""


@dataclass(frozen=True)
class Request:
    """A request as it arrived: nothing decoded, nothing put in order."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.split("?", 1)[0]

    def values(self, name: str) -> list[str]:
        """All values of a header, in the order in which they came."""
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]

    def header(self, name: str) -> str | None:
        """The one value of a header; two of them are an error of the gateway."""
        values = self.values(name)
        if len(values) > 1:
            raise AssertionError(f"header {name} came {len(values)} times")
        return values[0] if values else None

    def header_names(self) -> set[str]:
        return {key.decode("latin-1").lower() for key, _ in self.headers}

    def json(self):
        return json.loads(self.body)


class ClientGone(Exception):
    """The gateway closed the connection while the script was still writing."""


class Exchange:
    """One request and the means to answer it, or to fail at it in a chosen way."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                 kernel: Kernel):
        self.request = request
        self._kernel = kernel
        self._reader = reader
        self._writer = writer
        self._chunked = False
        self.keep_alive = True

    async def head(self, status: int, headers: list[tuple[str, str]] | None = None,
                   length: int | None = None) -> None:
        """Starts the answer. Without `length` the body is chunked."""
        self._chunked = length is None
        lines = [f"HTTP/1.1 {status} Scripted"]
        lines += [f"{name}: {value}" for name, value in headers or []]
        lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
        await self._send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    async def write(self, data: bytes) -> None:
        """One piece of the body."""
        if self._chunked and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        await self._send(data)

    async def write_torn(self, data: bytes, size: int) -> None:
        """The body in pieces of `size` bytes, each read by the gateway before the next is sent."""
        for start in range(0, len(data), size):
            await self.write(data[start:start + size])
            await self.taken()

    async def end(self, trailers: list[tuple[str, str]] | None = None) -> None:
        """Ends a chunked body, with trailers if there are any."""
        if self._chunked:
            lines = "".join(f"{name}: {value}\r\n" for name, value in trailers or [])
            await self._send(b"0\r\n" + lines.encode("latin-1") + b"\r\n")

    async def answer(self, status: int, body: bytes, content_type: str = "application/json",
                     headers: list[tuple[str, str]] | None = None) -> None:
        """A whole answer with a content-length."""
        await self.head(status, [("content-type", content_type), *(headers or [])], length=len(body))
        await self.write(body)

    def reset(self) -> None:
        """Ends the connection with a TCP reset."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        self.keep_alive = False

    def close(self) -> None:
        """Ends the connection in good order, whatever was promised."""
        self._writer.close()
        self.keep_alive = False

    async def taken(self) -> None:
        """Returns when the gateway has read all that was written so far."""
        local = self._writer.get_extra_info("sockname")
        remote = self._writer.get_extra_info("peername")
        end = time.monotonic() + READ_DEADLINE
        while self._kernel.unread(reader=remote, writer=local):
            if time.monotonic() > end:
                raise AssertionError("the gateway doesn't read")
            await asyncio.sleep(0)

    async def gone(self) -> None:
        """Returns when the gateway has closed the connection."""
        try:
            extra = await self._reader.read(1)
        except ConnectionError:
            return
        if extra:
            raise AssertionError("a second request came before the first was answered")

    async def _send(self, data: bytes) -> None:
        if self._writer.transport.is_closing() or self._reader.at_eof():
            raise ClientGone
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as error:
            raise ClientGone from error


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; `None` when the connection ended."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head[:-4].split(b"\r\n")
    method, target, _ = first.decode("latin-1").split(" ", 2)
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name, value.strip(b" \t")))
    request = Request(method, target, tuple(headers), b"")
    try:
        body = await _read_body(reader, request)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(method, target, tuple(headers), body)


async def _read_body(reader: asyncio.StreamReader, request: Request) -> bytes:
    if "chunked" in (request.header("transfer-encoding") or ""):
        return await _read_chunks(reader)
    return await reader.readexactly(int(request.header("content-length") or 0))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
            return body
        body += await reader.readexactly(size)
        await reader.readexactly(2)
