"""The two programs from Debian that the benchmark needs: nginx as the upstream, wrk as the load generator."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from .say import say

PACKAGES = {"nginx": "nginx-light", "wrk": "wrk"}

_SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
"""Debian puts nginx where only root looks."""


class Missing(Exception):
    pass


def find(program: str) -> Path:
    found = shutil.which(program, path=_SEARCH)
    if found is None:
        raise Missing(f"{program} is missing: apt-get install --no-install-recommends {PACKAGES[program]}")
    return Path(found)


def ensure() -> None:
    """Installs what is missing if that is root's to do, else says how.

    Not where systemd runs: there the package would start a web server on port 80 for good.
    """
    missing = [package for program, package in PACKAGES.items() if shutil.which(program, path=_SEARCH) is None]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None or Path("/run/systemd/system").exists():
        raise Missing(f"the benchmark needs {' and '.join(missing)}: {' '.join(command)}")
    say(f"installing {' and '.join(missing)} from Debian")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        done = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"{' '.join(step)} failed:\n{done.stderr.strip()[-2000:]}")


def versions(envoy: Path) -> str:
    """`Envoy 1.38.2, nginx 1.22.1, wrk 4.1.0`: each prints it in its own way and on its own channel."""
    found = (
        ("Envoy", re.search(r"/(\d[\d.]+)/", _output([envoy, "--version"]))),
        ("nginx", re.search(r"nginx/(\S+)", _output([find("nginx"), "-v"]))),
        ("wrk", re.search(r"wrk \D*(\d[\d.]*)", _output([find("wrk"), "-v"]))),
    )
    return ", ".join(f"{name} {version[1] if version else '?'}" for name, version in found)


def _output(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
