#!/usr/bin/env python3
"""Start a gateway from the kept snapshot of an overlay, without Go.

The snapshot is what Istio's pilot made of the overlay; docs/local-runner.md says how it is written and what a start
from it can't do. The ready line, the signals and the exit codes are those of tools/local-run.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from addresses import Address, Claims, parse_address, parse_listen, parse_upstreams
from envoy import Envoy, EnvoyError
from fill import Snapshot, address_values

STOPPED, CANNOT_RUN, USAGE, REFUSED, DIED = 0, 1, 2, 3, 4
START_TIMEOUT = 90.0
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def main() -> int:
    options = parse_options()
    stop = StopSignals()
    directory = Path(tempfile.mkdtemp(prefix="snapshot-run-"))
    try:
        return run(options, directory, stop)
    except (OSError, ValueError) as error:
        say(str(error))
        return CANNOT_RUN
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshot", type=Path, required=True, metavar="DIR")
    parser.add_argument("--listen", default="127.0.0.1:8080", help="ADDRESS:PORT, or 80=ADDRESS:PORT,443=…; port 0 is a free one")
    parser.add_argument("--admin", default="127.0.0.1:9901", help="ADDRESS:PORT of Envoy's admin interface")
    parser.add_argument("--upstreams", default="", help="HOST=http://ADDRESS:PORT …, for each host that the snapshot was made with")
    parser.add_argument("--upstream-ca", type=Path, help="file with the CA of https:// upstreams")
    parser.add_argument("--modules", type=Path, default=Path(".build/wasm"), metavar="DIR")
    parser.add_argument("--env-file", type=Path, metavar="FILE", help="KEY=value lines for Envoy's environment")
    parser.add_argument("--envoy", default="envoy", help="Envoy's binary")
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--log-level", default="warning")
    parser.add_argument("--access-log", type=Path, metavar="FILE", help="for access logs that go to stdout (default: stderr)")
    parser.add_argument("--envoy-log", type=Path, metavar="FILE", help="for Envoy's own log (default: stderr)")
    parser.add_argument("--envoy-args", default="", help="more arguments for Envoy, separated by spaces")
    return parser.parse_args()


class StopSignals:
    """Remembers that somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def run(options: argparse.Namespace, directory: Path, stop: StopSignals) -> int:
    claims = Claims()
    try:
        return run_with(options, directory, stop, claims)
    finally:
        claims.release()


def run_with(options: argparse.Namespace, directory: Path, stop: StopSignals, claims: Claims) -> int:
    snapshot = Snapshot(options.snapshot)
    listeners = {port: claims.claim(a) for port, a in parse_listen(options.listen, snapshot.parameters["listen"]).items()}
    admin = parse_address(options.admin)
    if admin.port:
        claims.claim(admin)
    environment = environment_for(snapshot, options.env_file)
    values = placeholder_values(options, snapshot, listeners, admin)
    bootstrap = snapshot.write(directory, values)
    with open_log(options.access_log) as access_log, open_log(options.envoy_log) as envoy_log:
        envoy = Envoy(command_for(options, bootstrap, directory), directory, environment, access_log, envoy_log)
        try:
            return serve(envoy, directory, listeners, stop)
        finally:
            envoy.stop()


def command_for(options: argparse.Namespace, bootstrap: Path, directory: Path) -> list[str]:
    binary = shutil.which(options.envoy)
    if binary is None:
        raise ValueError(f"--envoy {options.envoy}: no such program")
    return [
        os.path.abspath(binary),  # Envoy runs in a directory of its own
        "--config-path", str(bootstrap),
        "--admin-address-path", str(directory / "admin-address"),
        "--concurrency", str(options.concurrency),
        "--log-level", options.log_level,
        "--disable-hot-restart",
        "--drain-strategy", "immediate",
        "--local-address-ip-version", "v4",
        "--file-flush-interval-msec", "100",
        *options.envoy_args.split(),
    ]  # fmt: skip


def serve(envoy: Envoy, directory: Path, listeners: dict[int, Address], stop: StopSignals) -> int:
    addresses = list(listeners.values())
    try:
        admin = envoy.wait_until_serving(directory / "admin-address", addresses, lambda: stop.asked, START_TIMEOUT)
    except InterruptedError:
        return STOPPED
    except EnvoyError as error:
        say(str(error))
        return REFUSED
    others = "".join(f" listen.{port}={address}" for port, address in list(listeners.items())[1:])
    print(f"ready listen={addresses[0]} admin={admin}{others}", flush=True)
    while not stop.asked:
        if envoy.poll() is not None:
            say(str(envoy.ended()))
            return DIED
        time.sleep(0.1)
    return STOPPED


def placeholder_values(options: argparse.Namespace, snapshot: Snapshot, listeners: dict[int, Address], admin: Address) -> dict[str, str]:
    values = {"modules": str(options.modules.resolve())}
    values.update(address_values("admin", admin))
    for port, address in listeners.items():
        values.update(address_values(f"listen.{port}", address))
    upstreams = parse_upstreams(options.upstreams)
    check_upstreams(upstreams, snapshot.parameters["upstreams"])
    for host, (_, address) in upstreams.items():
        values.update(address_values(f"upstream.{host}", address))
    if options.upstream_ca:
        values["upstream_ca"] = str(options.upstream_ca.resolve(strict=True))
    return values


def check_upstreams(given: dict[str, tuple[str, Address]], made_with: dict[str, str]) -> None:
    """The snapshot's hosts and schemes are fixed: with http, pilot left the provider's TLS out."""
    for host, (scheme, _) in given.items():
        if made_with.get(host) != scheme:
            raise ValueError(f"--upstreams {host}: the snapshot was not made for {scheme}:// there; tools/local-run can do it")
    missing = sorted(set(made_with) - set(given))
    if missing:
        raise ValueError("--upstreams: the snapshot wants an address for " + ", ".join(missing))


def environment_for(snapshot: Snapshot, env_file: Path | None) -> dict[str, str]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment.update(snapshot.parameters["environment"])
    environment.update(read_env_file(env_file) if env_file else {})
    missing = [name for name in snapshot.parameters["secrets"] if name not in environment]
    if missing:
        raise ValueError("--env-file: the gateway takes from Secrets: " + ", ".join(missing))
    return environment


def read_env_file(path: Path) -> dict[str, str]:
    """KEY=value lines. Errors name the line and never its text, which may be a credential."""
    variables: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip() or line.strip().startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals or not VARIABLE.fullmatch(key.strip()) or "\0" in value:
            raise ValueError(f"{path}: line {number}: wants KEY=value")
        if key.strip() in variables:
            raise ValueError(f"{path}: line {number}: {key.strip()} is given twice")
        variables[key.strip()] = value
    return variables


def open_log(path: Path | None):
    return path.open("ab") if path else open(os.dup(sys.stderr.fileno()), "wb")


def say(text: str) -> None:
    print(f"snapshot: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
