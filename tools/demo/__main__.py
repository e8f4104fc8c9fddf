"""`python -m tools.demo`: starts mock providers and the gateway, shows the main job, stops all of it.

With `--up` it leaves them running until Ctrl-C, and prints the commands to try.
"""

from __future__ import annotations

import argparse
import signal
import sys

from .stage import Stage
from .walk import walk


def main() -> int:
    options = argparse.ArgumentParser(prog="tools.demo", description=__doc__)
    options.add_argument("--envoy", required=True, help="Envoy's binary")
    options.add_argument("--modules", required=True, help="the folder of the Wasm modules")
    options.add_argument("--listen", default="127.0.0.1:0", help="where clients come in; port 0 picks a free one")
    options.add_argument("--admin", default="127.0.0.1:0", help="Envoy's admin interface; port 0 picks a free one")
    options.add_argument("--up", action="store_true", help="leave it running, and print commands to try")
    chosen = options.parse_args()
    # A plain `kill` shall stop what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Stage(chosen.envoy, chosen.modules, chosen.listen, chosen.admin) as stage:
            if chosen.up:
                stage.stay()
            else:
                walk(stage)
    except KeyboardInterrupt:
        print("\nstopped")
        return 0 if chosen.up else 130
    return 0


sys.exit(main())
