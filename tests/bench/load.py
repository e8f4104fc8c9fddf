"""The load: one wrk for each Envoy, a closed loop over a few connections that are kept open.

wrk says whether anything failed; how many requests were served is Envoy's to say.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import chat, packages, process

CONNECTIONS = 8
"""For each generator: enough to keep Envoy busy while the upstream answers, few enough to hold no queue."""

LONGEST_SECONDS = 60
"""A generator that nobody stops ends by itself."""

STOP_SECONDS = 10.0

SCRIPT = Path(__file__).with_name("load.lua")


class Failed(Exception):
    pass


@dataclass(frozen=True)
class Template:
    """What the generators read."""

    request: Path
    credentials: Path
    """One in each line, sent in turn."""

    @classmethod
    def written(cls, folder: Path, name: str, request: bytes, credentials: list[str]) -> Template:
        template = cls(folder / f"{name}.http", folder / f"{name}.credentials")
        template.request.write_bytes(request)
        template.credentials.write_text("".join(f"{credential}\n" for credential in credentials))
        return template


class Load:
    """Generators that are running."""

    def __init__(self, generators: list[subprocess.Popen]):
        self._generators = generators

    def stop(self) -> None:
        """Ends all of them and looks at what each reports."""
        for generator in self._generators:
            if generator.poll() is not None:
                raise Failed(f"a load generator ended early: {_output(generator)}")
            generator.send_signal(signal.SIGINT)
        for generator in self._generators:
            _check(_output(generator))


@contextmanager
def running(addresses: list[str], template: Template, traffic: chat.Traffic, first_serial: int,
            core: int) -> Iterator[Load]:
    """A generator for each address, all at once."""
    serial = "same" if traffic.same_request else str(first_serial)
    with ExitStack() as stack:
        yield Load([stack.enter_context(_generator(address, template, serial, core)) for address in addresses])


def _generator(address: str, template: Template, serial: str, core: int) -> AbstractContextManager[subprocess.Popen]:
    command = [
        packages.find("wrk"), "--threads", 1, "--connections", CONNECTIONS, "--duration", f"{LONGEST_SECONDS}s",
        "--timeout", "5s", "--script", SCRIPT, f"http://{address}{chat.PATH}", "--",
        template.request, chat.SERIAL, serial, chat.CREDENTIAL, template.credentials,
    ]
    return process.running(command, {core}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _output(generator: subprocess.Popen) -> str:
    return generator.communicate(timeout=STOP_SECONDS)[0].decode(errors="replace")


def _check(output: str) -> None:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise Failed(f"a load generator gave no report:\n{output[-2000:]}")
    report = json.loads(lines[-1])
    errors = {name: count for name, count in report.items() if name != "requests" and count}
    if errors:
        raise Failed(f"of {report['requests']} requests some failed: {errors}")
