"""What a Deployment and a Service do while a pod is replaced: new connections go to the pods that are ready,
old ones stay where they are, and Istio's agent waits until the leaving pod has no connection left.
"""

from __future__ import annotations

import asyncio
import re
import urllib.request

from providers.scripted import ProviderLoop

from .gateway import Gateway

LISTENER_CONNECTIONS = re.compile(r"^listener\.(?!admin)(?!.*worker_)\S*downstream_cx_active: (\d+)$", re.M)


def drain(gateway: Gateway) -> None:
    """What Istio's agent asks of Envoy when its pod gets SIGTERM."""
    request = urllib.request.Request(f"http://{gateway.admin}/drain_listeners?graceful", method="POST")
    urllib.request.urlopen(request, timeout=5).close()


def active_connections(gateway: Gateway) -> int:
    """What the agent asks each second with EXIT_ON_ZERO_ACTIVE_CONNECTIONS, summed up as it does."""
    asked = f"http://{gateway.admin}/stats?usedonly&filter=downstream_cx_active$"
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return sum(int(count) for count in LISTENER_CONNECTIONS.findall(answer.read().decode()))


class Service:
    """A Service's address: each new connection goes to one of the endpoints of that moment."""

    def __init__(self, loop: ProviderLoop, *gateways: Gateway):
        self._loop = loop
        self._turn = 0
        self.endpoints = [gateway.host_port for gateway in gateways]
        self._server = loop.run(asyncio.start_server(self._connection, "127.0.0.1", 0))
        self.url = "http://{}:{}".format(*self._server.sockets[0].getsockname())

    def route_to(self, *gateways: Gateway) -> None:
        """From now on; connections that are open stay where they are."""
        self.endpoints = [gateway.host_port for gateway in gateways]

    def stop(self) -> None:
        self._loop.loop.call_soon_threadsafe(self._server.close)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._turn += 1
        try:
            there_reader, there_writer = await asyncio.open_connection(*self.endpoints[self._turn % len(self.endpoints)])
        except ConnectionError:
            # A pod that died and still is an endpoint.
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_pass_on(reader, there_writer), _pass_on(there_reader, writer))
        finally:
            for end in (writer, there_writer):
                end.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, RuntimeError, OSError):
        # One end died: so does the other, as it would without anything between them.
        writer.transport.abort()
