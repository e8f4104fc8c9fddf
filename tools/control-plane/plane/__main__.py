"""`make control-plane`: a control plane that runs until Ctrl-C, for trying things by hand."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from . import ControlPlane


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="control-plane-") as folder, ControlPlane(Path(folder)) as plane:
        print(f"export KUBECONFIG={plane.kubernetes.kubeconfig}")
        print(f"# istiod's xDS: {plane.istiod.address}; logs: {folder}; Ctrl-C ends it all", flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            signal.pause()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
