"""`python -m tests.load`: k6 against a gateway, by default one of this machine with mock providers.

It fails when a threshold of gateway.js does. The numbers of a local run say that the scripts and the gateway
work together, not how fast a cluster is: k6, mock providers and Envoy share this machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

SCRIPT = Path(__file__).parent / "gateway.js"
DEADLINE = 3600.0


def main() -> int:
    options = argparse.ArgumentParser(prog="tests.load", description=__doc__.splitlines()[0])
    options.add_argument("--k6", required=True, help="k6's binary")
    options.add_argument("--envoy", help="Envoy's binary, for a gateway of this machine")
    options.add_argument("--modules", help="the folder of the Wasm modules, for a gateway of this machine")
    options.add_argument("--gateway", default="", help="the base URL of another gateway, without /v1; KEY is in the environment")
    options.add_argument("--summary", default=".build/load/summary.json", help="where k6 writes its numbers")
    chosen = options.parse_args()
    summary = Path(chosen.summary)
    summary.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        environment = dict(os.environ)
        if chosen.gateway:
            if not environment.get("KEY"):
                sys.exit("KEY, the key of a tenant with a budget for this load, has to be in the environment")
            environment["GATEWAY"] = chosen.gateway.rstrip("/").removesuffix("/v1")
        else:
            environment |= _local(stack, chosen.envoy, chosen.modules)
        command = [chosen.k6, "run", "--quiet", "--no-usage-report", "--summary-export", str(summary), str(SCRIPT)]
        # The key is in the environment only: a command line is seen by everybody on the machine.
        return subprocess.run(command, env=environment, timeout=DEADLINE).returncode


def _local(stack: ExitStack, envoy: str, modules: str) -> dict[str, str]:
    from tools.demo.stage import TEAM_A, TINY, Stage

    stage = stack.enter_context(Stage(envoy, modules, "127.0.0.1:0", "127.0.0.1:0"))
    return {"GATEWAY": stage.url, "KEY": TEAM_A, "SMALL_KEY": TINY}


sys.exit(main())
