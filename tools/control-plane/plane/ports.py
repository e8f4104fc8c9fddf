"""Ports of loopback for programs that want to be told theirs."""

from __future__ import annotations

import random
import socket
from pathlib import Path

LOWEST = 15_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES = 1000


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all are held until the last is found, so none comes twice.

    They lie below those that the system gives to clients: between now and the program's start no connection of
    another process takes one.
    """
    below = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768
    held: list[socket.socket] = []
    try:
        for port in random.sample(range(LOWEST, below), _TRIES):
            if len(held) == count:
                break
            one = socket.socket()
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                one.close()
                continue
            held.append(one)
        if len(held) < count:
            raise OSError(f"there are no {count} free ports from {LOWEST} to {below}")
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
