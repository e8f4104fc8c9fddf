"""Network namespaces, the wires between them, and the redirection that a mesh sets up in a pod.

A namespace lives from `Namespace()` to `close()`. What it runs is either a
program (`exec`), which also sees the namespace's own /etc/hosts, or a function
of this process in a thread that has moved there (`run`): sockets that it opens
and processes that it starts belong to the namespace.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .packages import find

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

PREFIX = "ai-gateway-"
FILES = Path("/etc/netns")
"""Where `ip netns exec` finds a namespace's own files of /etc."""

PROXY_GROUP = 1337
"""Whose packets aren't redirected: the sidecar's own (Istio's proxy user and group)."""

REDIRECTION = f"""*nat
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A OUTPUT -p tcp -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -m owner --uid-owner {PROXY_GROUP} -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner {PROXY_GROUP} -j RETURN
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
COMMIT
"""
"""What Istio's CNI plugin writes into a pod for its outbound traffic, less what is about inbound and DNS."""


class NotPermitted(Exception):
    """This machine doesn't let us make namespaces, and why."""


class Namespace:
    def __init__(self, name: str):
        self.name = f"{PREFIX}{os.getpid()}-{name}"
        self._files = FILES / self.name
        _ip("netns", "add", self.name)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self.name, initializer=self._enter)
        self.ip("link", "set", "lo", "up")

    def close(self) -> None:
        self._thread.shutdown()
        _ip("netns", "del", self.name)
        shutil.rmtree(self._files, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._files.parent.rmdir()

    def ip(self, *words: str) -> None:
        """`ip` in the namespace."""
        _ip("-n", self.name, *words)

    def run(self, function: Callable[[], T]) -> T:
        """The result of a function whose thread is in the namespace. One at a time; that thread lives as long as
        the namespace, since processes that end with their parent end with the thread that started them."""
        return self._thread.submit(function).result()

    def command(self, *words: str | Path) -> list[str]:
        """A command that runs in the namespace and sees its /etc/hosts."""
        return [find("ip"), "netns", "exec", self.name, *map(str, words)]

    def hosts(self, names: dict[str, str]) -> None:
        """/etc/hosts of the namespace: addresses by name. Nobody else is asked for a name there."""
        self._files.mkdir(parents=True, exist_ok=True)
        lines = {"localhost": "127.0.0.1", **names}
        (self._files / "hosts").write_text("".join(f"{address} {name}\n" for name, address in lines.items()))
        (self._files / "resolv.conf").write_text("")

    def redirect(self) -> None:
        """All TCP that leaves goes to the sidecar first."""
        subprocess.run(self.command(find("iptables-restore")), input=REDIRECTION, text=True, check=True, capture_output=True)

    def _enter(self) -> None:
        with open(f"/run/netns/{self.name}") as entry:
            if _libc.setns(entry.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


def end_with_parent() -> None:
    """For a process that is being started: the kernel ends it with the thread that started it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def join(one: Namespace, one_name: str, one_address: str, other: Namespace, other_name: str, other_address: str) -> None:
    """A wire between two namespaces, with an interface and an address at either end."""
    # Names of interfaces are short; the first is made inside its namespace, so that none is ever outside.
    one.ip("link", "add", one_name, "type", "veth", "peer", "name", other_name, "netns", other.name)
    for namespace, name, address in ((one, one_name, one_address), (other, other_name, other_address)):
        namespace.ip("address", "add", address, "dev", name)
        namespace.ip("link", "set", name, "up")


def check_permitted() -> None:
    """Raises if this process can't have namespaces with redirection."""
    if os.geteuid() != 0:
        raise NotPermitted("only root can make network namespaces and redirect what leaves them")
    _sweep()
    try:
        probe = Namespace("probe")
    except subprocess.CalledProcessError as refused:
        raise NotPermitted(f"ip netns add: {refused.stderr.strip()}") from None
    try:
        probe.redirect()
    except subprocess.CalledProcessError as refused:
        raise NotPermitted(f"iptables-restore: {refused.stderr.strip()}") from None
    finally:
        probe.close()


def _sweep() -> None:
    """Takes away what a run has left that was killed: namespaces with the id of a process that is gone."""
    for left in Path("/run/netns").glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            _ip("netns", "del", left.name)
            shutil.rmtree(FILES / left.name, ignore_errors=True)


def _ip(*words: str) -> None:
    subprocess.run([find("ip"), *words], check=True, capture_output=True, text=True)
