"""Calls past the sidecar: what a pod without one, or somebody with the proxy's rights in the pod, could try."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .namespaces import PROXY_GROUP, Namespace

SECONDS = 10.0
"""For a connection that somebody answers or closes."""


class Refused(Exception):
    """The handshake was not finished, or nothing was answered after it."""


def plain(namespace: Namespace, address: str, port: int, *, host: str = "api.openai.com", seconds: float = SECONDS) -> bytes:
    """The answer to a plain request, empty if there is none."""
    return _call(namespace, {"address": address, "port": port, "host": host, "seconds": seconds})


def tls(namespace: Namespace, address: str, port: int, *, host: str = "api.openai.com", certificate: Path | None = None,
        headers: dict[str, str] | None = None) -> bytes:
    """The answer to a request over TLS, with a workload's certificate or none. The server's isn't checked: this is
    about whom the server lets in."""
    folder = str(certificate) if certificate else None
    answer = _call(namespace, {"address": address, "port": port, "host": host, "tls": True, "certificate": folder, "seconds": SECONDS,
                               "headers": headers or {}})
    if not answer:
        raise Refused
    return answer


def _call(namespace: Namespace, call: dict) -> bytes:
    """In a process of the proxy's group, whose packets nobody redirects."""
    def run() -> bytes:
        return subprocess.run([sys.executable, Path(__file__).with_name("dial.py"), json.dumps(call)], group=PROXY_GROUP, extra_groups=[],
                              capture_output=True, check=True, timeout=3 * SECONDS).stdout

    return namespace.run(run)
