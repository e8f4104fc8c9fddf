"""`istioctl analyze`, whose exit code counts only with a threshold."""

from __future__ import annotations

import subprocess

from plane import ControlPlane
from plane.binaries import binary

SECONDS = 60


def offline(resources: str) -> str:
    """What it says to resources alone; empty if nothing."""
    return _said("--use-kube=false", "-", stdin=resources)


def online(plane: ControlPlane) -> list[str]:
    """What it says to everything that the API server has, a message a line."""
    said = _said(f"--kubeconfig={plane.kubernetes.kubeconfig}")
    messages = [line for line in said.splitlines() if line.startswith(("Error [", "Warning [", "Info ["))]
    assert messages or not said, f"istioctl itself failed: {said}"
    return messages


def _said(*words: str, stdin: str | None = None) -> str:
    done = subprocess.run([binary("istioctl"), "analyze", "-A", "--failure-threshold", "Info", *words], input=stdin,
                          capture_output=True, text=True, timeout=SECONDS)
    return "" if done.returncode == 0 else done.stdout + done.stderr
