"""The gateway as it ships: an overlay, given to the local runner, served by a real Envoy with one worker."""

from __future__ import annotations

import json
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import overlay, process
from .chat import Credential
from .envoy import Envoy
from .machine import Cores

REPOSITORY = Path(__file__).resolve().parents[2]
OVERLAY = Path("istio/overlays/dev")
MANIFESTS = Path("manifests/overlays/dev")

START_SECONDS = 120.0
READY = re.compile(r"^ready listen=(\S+) admin=(\S+)")

PROVIDER_KEYS = json.dumps({name: "sk-bench" for name in ("openai", "anthropic", "vllm")}, separators=(",", ":"))
"""The upstream takes any."""


@dataclass(frozen=True)
class Inputs:
    """Copies of what the runner reads. It takes up changes at once, and a benchmark of two states is one of none."""

    resources: Path
    """Holds `OVERLAY` and `MANIFESTS`."""
    modules: Path

    @classmethod
    def copied(cls, modules: Path, to: Path) -> Inputs:
        for tree in {OVERLAY.parts[0], MANIFESTS.parts[0]}:
            shutil.copytree(REPOSITORY / tree, to / tree)
        return cls(to, shutil.copytree(modules, to / "modules"))


@dataclass(frozen=True)
class Setting:
    """What all gateways of a benchmark share."""

    runner: Path
    envoy: Path
    inputs: Inputs
    upstream: str
    key: str
    """The client's API key, made up for this benchmark."""
    cores: Cores


@contextmanager
def serving(plugins: frozenset[str], credential: Credential, setting: Setting, folder: Path) -> Iterator[Envoy]:
    """A gateway with these filters alone, set up for such callers, on the Envoys' core. The runner goes to the other
    one: it looks for changed files now and then."""
    directory = overlay.write(folder / "overlay", setting.inputs.resources / OVERLAY, plugins, credential, setting.key)
    log = folder / "runner.log"
    cores = {setting.cores.envoy, setting.cores.load}  # compiling the modules takes both
    with (log.open("wb") as stderr,
          process.running(_command(directory, setting, folder), cores, stdout=subprocess.PIPE,
                          stderr=stderr) as runner):
        address, admin = _wait(runner, log)
        envoy = Envoy(process.child(runner.pid), address, admin)
        process.pin(envoy.pid, setting.cores.envoy)
        process.pin(runner.pid, setting.cores.load)
        yield envoy


def _command(directory: Path, setting: Setting, folder: Path) -> list[str | Path]:
    env_file = folder / "gateway.env"
    env_file.write_text(f"AI_PROVIDER_KEYS={PROVIDER_KEYS}\n")
    return [
        setting.runner,
        "-overlay", directory,
        "-manifests", setting.inputs.resources / MANIFESTS,
        "-listen", "127.0.0.1:0",
        "-admin", "127.0.0.1:0",
        "-upstreams", f"api.openai.com=http://{setting.upstream}",
        "-env-file", env_file,
        "-envoy", setting.envoy,
        "-modules", setting.inputs.modules,
        "-concurrency", "1",
        # Written as in production; a file of gigabytes is no part of the question.
        "-access-log", "/dev/null",
    ]


def _wait(runner: subprocess.Popen, log: Path) -> tuple[str, str]:
    """The runner's one line on stdout."""
    readable, _, _ = select.select([runner.stdout], [], [], START_SECONDS)
    line = runner.stdout.readline().decode() if readable else ""
    if found := READY.match(line):
        return found[1], found[2]
    raise RuntimeError(f"the gateway didn't become ready:\n{log.read_text(errors='replace')[-4000:]}")
