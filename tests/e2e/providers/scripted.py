"""The scripted provider: a server on loopback whose answers a test chooses.

    provider.script(scripts.html_error(502))   # the next request gets this
    ...
    provider.last.body                         # the bytes that arrived

Each request takes the next script; with none left the provider behaves well
(`scripts.well_behaved`). All providers of a run share one event loop in a
thread of its own (`ProviderLoop`); the control object is for the test's thread.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from .http1 import MAX_HEAD, ClientGone, Exchange, Request, read_request
from .scripts import Gate, Script, Steps, well_behaved
from .unread import Kernel

DEADLINE = 10.0
"""Seconds that a test waits for a request to arrive."""


class ProviderLoop:
    """The event loop that all scripted providers of a run live in."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.kernel = Kernel()
        self._thread = threading.Thread(target=self.loop.run_forever, name="providers", daemon=True)
        self._thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(DEADLINE)

    def stop(self) -> None:
        self.run(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(DEADLINE)
        self.loop.close()
        self.kernel.close()

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class ScriptedProvider:
    def __init__(self, name: str, providers: ProviderLoop):
        self.name = name
        self._providers = providers
        self._changed = threading.Condition()
        self._scripts: deque[Script] = deque()
        self._requests: list[Request] = []
        self._failures: list[BaseException] = []
        self._connections: set[asyncio.StreamWriter] = set()
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self._server = providers.run(self._listen())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- what a test says -----------------------------------------------------------------

    def script(self, *scripts: Script) -> None:
        """What the next requests get, one each."""
        with self._changed:
            self._scripts.extend(scripts)

    def gate(self) -> Gate:
        return Gate(self._providers.loop)

    def steps(self) -> Steps:
        return Steps(self._providers.loop)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """While this lasts, nothing listens on the port: connections are refused."""
        self._providers.run(self._stop_listening())
        try:
            yield
        finally:
            self._server = self._providers.run(self._listen())

    def reset(self) -> None:
        """Forgets scripts and requests; connections stay."""
        with self._changed:
            self._scripts.clear()
            self._requests.clear()
            self._failures.clear()

    # --- what a test asks ------------------------------------------------------------------

    @property
    def requests(self) -> list[Request]:
        with self._changed:
            return list(self._requests)

    @property
    def last(self) -> Request:
        return self.requests[-1]

    @property
    def unused_scripts(self) -> int:
        with self._changed:
            return len(self._scripts)

    @property
    def failures(self) -> list[BaseException]:
        """What went wrong inside scripts, a peer that left early aside."""
        with self._changed:
            return list(self._failures)

    def wait_for(self, count: int, seconds: float = DEADLINE) -> list[Request]:
        """The requests, once there are at least `count`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= count, seconds):
                raise AssertionError(f"{self.name}: {len(self._requests)} of {count} requests in {seconds} s")
            return list(self._requests)

    # --- inside the loop ---------------------------------------------------------------------

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connection, sock=self._socket, limit=MAX_HEAD)

    async def _stop_listening(self) -> None:
        self._server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        # Bound but not listening: refuses, and nobody else can take the port meanwhile.
        self._socket = _bound(self.port)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(writer)
        try:
            while (request := await read_request(reader)) is not None:
                exchange = Exchange(request, reader, writer, self._providers.kernel)
                await self._answer(exchange)
                if not exchange.keep_alive:
                    break
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, exchange: Exchange) -> None:
        with self._changed:
            self._requests.append(exchange.request)
            script = self._scripts.popleft() if self._scripts else well_behaved
            self._changed.notify_all()
        try:
            await script(exchange)
        except ClientGone:
            exchange.keep_alive = False
        except Exception as failure:
            with self._changed:
                self._failures.append(failure)
            exchange.reset()


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.setblocking(False)
    return bound
