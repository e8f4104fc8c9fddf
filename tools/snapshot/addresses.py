"""Addresses on this machine: how they are written on the command line, and how a free port is kept free."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read ADDRESS:PORT, where localhost is 127.0.0.1."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if host == "localhost":
        host = "127.0.0.1"
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
        return Address(host, _port(port))
    except (OSError, ValueError):
        raise ValueError(f"{text!r}: wants an IP address and a port") from None


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number


def parse_listen(text: str, gateway_ports: list[int]) -> dict[int, Address]:
    """Give each of the Gateway's ports an address; one that isn't named gets a free port beside the first."""
    first, named = None, {}
    for field in text.replace(",", " ").split():
        port, equals, address = field.rpartition("=")
        if equals:
            if int(port) not in gateway_ports:
                raise ValueError(f"{field!r}: the Gateway has no port {port}")
            named[int(port)] = parse_address(address)
        elif first is None:
            first = parse_address(field)
        else:
            raise ValueError(f"{field!r}: say which port of the Gateway it is for")
    addresses = {}
    for port in gateway_ports:
        if port in named:
            addresses[port] = named[port]
        else:
            addresses[port] = first or Address("127.0.0.1", 0)
            first = Address(addresses[port].host, 0)
    return addresses


def parse_upstreams(text: str) -> dict[str, tuple[str, Address]]:
    """Read "HOST=http://ADDRESS:PORT …" into scheme and address by host."""
    upstreams = {}
    for field in text.replace(",", " ").split():
        host, equals, target = field.partition("=")
        url = urlsplit(target)
        if not equals or url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/"):
            raise ValueError(f"{field!r}: wants HOST=http://ADDRESS:PORT")
        if host in upstreams:
            raise ValueError(f"{host} is given twice")
        address = socket.getaddrinfo(url.hostname, None, socket.AF_INET if url.hostname == "localhost" else 0)[0][4][0]
        upstreams[host] = (url.scheme, Address(address, url.port or (443 if url.scheme == "https" else 80)))
    return upstreams


class Claims:
    """Free ports, held until the end of the run.

    A socket that is bound with SO_REUSEPORT but never listens keeps the kernel from giving the port to somebody
    else, and Envoy, which binds the same way, can still have it.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def claim(self, address: Address) -> Address:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        if address.port:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address.host, address.port))
                    probe.listen()
                except OSError as error:
                    raise OSError(f"{address}: {error.strerror}") from None
            return address
        held = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((address.host, 0))
        self._held.append(held)
        return Address(address.host, held.getsockname()[1])

    def release(self) -> None:
        for held in self._held:
            held.close()
        self._held.clear()
