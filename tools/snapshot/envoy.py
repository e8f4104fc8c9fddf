"""One Envoy process: started, watched, ended."""

from __future__ import annotations

import array
import collections
import ctypes
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO, Callable

from addresses import Address

STOP_GRACE = 5.0
POLL = 0.02
QUIET = 0.1
PR_SET_PDEATHSIG = 1
# Envoy's words for configuration that it doesn't take, in the log format of Istio's bootstrap.
REFUSED = re.compile(r"\tenvoy config .*(rejected|update failed)|\tenvoy wasm .*failed to load")
WARMING = "/stats?filter=^(listener_manager.total_listeners_warming|cluster_manager.warming_clusters)$"
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EnvoyError(Exception):
    """Envoy doesn't serve, and why."""


class Envoy:
    def __init__(self, command: list[str], directory: Path, environment: dict[str, str], access_log: BinaryIO | None, log: BinaryIO) -> None:
        self.tail: collections.deque[str] = collections.deque(maxlen=30)
        self.refusals: list[str] = []
        self._log = log
        self._read_at = time.monotonic()
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=access_log or sys.stderr.buffer,
            stderr=subprocess.PIPE,
            preexec_fn=_own_group_tied_to_parent(os.getpid()),
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._read_at = time.monotonic()
            self._log.write(line)
            self._log.flush()
            text = line.decode(errors="replace").rstrip("\n")
            self.tail.append(text)
            if REFUSED.search(text) and len(self.refusals) < 20:
                self.refusals.append(text)

    def wait_until_serving(self, address_file: Path, listeners: list[Address], stopped: Callable[[], bool], timeout: float) -> Address:
        """Wait for the admin interface, then for all listeners to be in use. Gives the admin address."""
        deadline = time.monotonic() + timeout
        admin, why = None, "its admin interface has no address yet"
        while not stopped():
            if self._process.poll() is not None:
                raise self.ended()
            if self.refusals:
                raise EnvoyError("envoy refused the configuration:\n" + "\n".join(shortened(r) for r in self.refusals))
            if admin is None and address_file.exists():
                text = address_file.read_text()
                admin = Address(*_split(text)) if text else None
            if admin is not None:
                why = _not_serving(admin, listeners)
                if not why and self._log_is_read():
                    if self.refusals:
                        continue
                    return admin
            if time.monotonic() > deadline:
                raise EnvoyError(f"waited too long for envoy: {why}")
            time.sleep(POLL)
        raise InterruptedError

    def _log_is_read(self) -> bool:
        """Whether what Envoy wrote before it was ready has been looked at: a refusal stands nowhere else."""
        assert self._process.stderr is not None
        waiting = array.array("i", [0])
        fcntl.ioctl(self._process.stderr, termios.FIONREAD, waiting)
        return waiting[0] == 0 and time.monotonic() - self._read_at > QUIET

    def poll(self) -> int | None:
        return self._process.poll()

    def ended(self) -> EnvoyError:
        code = self._process.wait()
        self._reader.join(timeout=1)
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return EnvoyError(f"envoy ended, {how}; its last lines:\n" + "\n".join(self.tail))

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _own_group_tied_to_parent(parent: int) -> Callable[[], None]:
    """Keep Envoy out of the terminal's Ctrl-C; on Linux let it end when this process does, however that ends."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        os.setpgid(0, 0)
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def shortened(text: str) -> str:
    """A refusal can hold the whole of what was refused; the reason is at its end."""
    return text if len(text) < 800 else text[:300] + " … " + text[-400:]


def _split(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _not_serving(admin: Address, listeners: list[Address]) -> str:
    """Say what is missing; empty if nothing is."""
    try:
        _get(admin, "/ready")
        for line in _get(admin, WARMING).splitlines():
            if not line.endswith(": 0"):
                return line
        for address in listeners:
            host = "127.0.0.1" if address.host == "0.0.0.0" else address.host
            socket.create_connection((host, address.port), timeout=1).close()
    except (OSError, urllib.error.URLError) as error:
        return str(error)
    return ""


def _get(admin: Address, path: str) -> str:
    with _NO_PROXY.open(f"http://{admin}{path}", timeout=2) as answer:
        return answer.read(1 << 20).decode(errors="replace")
