"""`python -m tests.bench --envoy PATH --modules DIR`: measures, prints a table, writes .build/bench/result.json."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from . import bench, chat, load, machine, packages, report
from .gateway import REPOSITORY, Inputs, Setting
from .measure import Invalid, Timing
from .rows import ROWS, chosen
from .say import say
from .upstream import serving as upstream_serving


def main() -> int:
    options = _parsed()
    # Ends as Ctrl-C does: every block stops what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        result = _measured(options)
    except KeyboardInterrupt:
        return 130
    except (Invalid, load.Failed, packages.Missing, machine.TooFewCores, RuntimeError, OSError) as error:
        say(str(error))
        return 1
    print(report.text(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result.json(), indent=2) + "\n")
    say(f"the same as JSON: {options.out}")
    return 0


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--envoy", type=Path, required=True, help="Envoy's binary")
    parser.add_argument("--modules", type=Path, required=True, help="directory with the Wasm modules")
    parser.add_argument("--runner", type=Path, default=REPOSITORY / ".build/bin/local-run")
    parser.add_argument("--rows", default=",".join(row.key for row in ROWS),
                        help="which rows, by key, separated by commas (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="paired runs for each row (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured in each run (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=REPOSITORY / ".build/bench/result.json")
    options = parser.parse_args()
    try:
        options.rows = chosen(options.rows.split(","))
    except KeyError as error:
        parser.error(error.args[0])
    for path in (options.envoy, options.modules, options.runner):
        if not path.exists():
            parser.error(f"there is no {path}; `make bench` builds what is needed")
    if options.runs < 1 or not 0 < options.seconds <= load.LONGEST_SECONDS / 2:
        parser.error(f"wants at least one run, of at most {load.LONGEST_SECONDS // 2} seconds")
    return options


def _measured(options: argparse.Namespace) -> report.Report:
    packages.ensure()
    cores = machine.choose_cores()
    # This process too: it must not wake on the Envoys' core.
    os.sched_setaffinity(0, {cores.load})
    plan = bench.Plan(options.rows, options.runs, Timing(settle=1.5, window=options.seconds))
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        inputs = Inputs.copied(options.modules, folder / "inputs")
        with upstream_serving(folder / "upstream", cores.load) as upstream:
            setting = Setting(options.runner.resolve(), options.envoy.resolve(), inputs, upstream,
                              key=f"sk-bench-{secrets.token_hex(16)}", cores=cores)
            results = list(bench.measure(plan, setting, folder))
    return report.make(results, _conditions(plan, setting))


def _conditions(plan: bench.Plan, setting: Setting) -> report.Conditions:
    return report.Conditions(
        machine=machine.description(),
        versions=packages.versions(setting.envoy),
        envoy_core=setting.cores.envoy,
        load_core=setting.cores.load,
        runs=plan.runs,
        window_seconds=plan.timing.window,
        connections=load.CONNECTIONS,
        request_bytes=len(chat.body(chat.Traffic())),
        answer_bytes=len(chat.answer().encode()),
    )


if __name__ == "__main__":
    sys.exit(main())
