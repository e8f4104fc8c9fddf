"""The two programs from Debian that make network namespaces and redirect what leaves them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = {"ip": "iproute2", "iptables-restore": "iptables"}

_SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


class Missing(Exception):
    pass


def find(program: str) -> str:
    found = shutil.which(program, path=_SEARCH)
    if found is None:
        raise Missing(f"{program} is missing: apt-get install --no-install-recommends {PACKAGES[program]}")
    return found


def ensure() -> None:
    """Installs what is missing if that is root's to do, else says how.

    Not where systemd runs: that is somebody's own machine, who decides for themselves.
    """
    missing = [package for program, package in PACKAGES.items() if shutil.which(program, path=_SEARCH) is None]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None or Path("/run/systemd/system").exists():
        raise Missing(f"these tests need {' and '.join(missing)}: {' '.join(command)}")
    print(f"installing {' and '.join(missing)} from Debian")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        done = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"{' '.join(step)} failed:\n{done.stderr.strip()[-2000:]}")
