"""TLS for tests: a CA of their own, servers with certificates of it, and a client that finds any host on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import datetime
from pathlib import Path

import httpcore
import httpx
import trustme

from providers.scripted import ProviderLoop


class Authority:
    """A CA of the test's own. Its keys live in the test's folder and nowhere else."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._ca = trustme.CA()
        self.file = folder / "ca.crt"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, host: str) -> ssl.SSLContext:
        """What a server of this host shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(host).configure_cert(context)
        return context

    def secret(self, folder: Path, host: str, expires: datetime | None = None) -> Path:
        """A Secret of the type kubernetes.io/tls, as the folder that the local runner reads; the second time a renewed one."""
        folder.mkdir(parents=True, exist_ok=True)
        issued = self._ca.issue_cert(host, not_after=expires)
        issued.private_key_pem.write_to_path(str(folder / "tls.key"))
        (folder / "tls.crt").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        return folder

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.file))


class TlsFront:
    """A provider's TLS: ends it, and carries what it held to a plain server on loopback."""

    def __init__(self, loop: ProviderLoop, context: ssl.SSLContext, port: int):
        self._loop, self._port = loop, port
        self.names: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._server = loop.run(asyncio.start_server(self._carry, "127.0.0.1", 0, ssl=context))
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        self._loop.run(self._close())

    async def _close(self) -> None:
        self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain_reader, plain_writer = await asyncio.open_connection("127.0.0.1", self._port)
        with contextlib.suppress(OSError):
            await asyncio.gather(_copy(reader, plain_writer), _copy(plain_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


class Loopback(httpx.HTTPTransport):
    """Every host is on 127.0.0.1; its name stays in SNI, in the certificate's check and in `Host`."""

    def __init__(self, context: ssl.SSLContext, http2: bool = False):
        super().__init__(verify=context)
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=_LoopbackBackend(), http2=http2)


class _LoopbackBackend(httpcore.SyncBackend):
    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        return super().connect_tcp("127.0.0.1", port, timeout, local_address, socket_options)
