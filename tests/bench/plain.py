"""An Envoy as its own documentation would set it up for this: a listener, a route, a cluster, no access log.

Beside the bare gateway it tells what Istio's configuration and the access log cost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import process
from .envoy import Envoy
from .gateway import Setting

START_SECONDS = 30.0

_TYPES = "type.googleapis.com/envoy.extensions"


@contextmanager
def serving(setting: Setting, folder: Path) -> Iterator[Envoy]:
    """On the Envoys' core, with one worker, on free ports."""
    folder.mkdir(parents=True)
    configuration = folder / "envoy.json"
    configuration.write_text(json.dumps(_bootstrap(setting.upstream), indent=1))
    admin_file, log = folder / "admin-address", folder / "envoy.log"
    command = [setting.envoy, "--config-path", configuration, "--admin-address-path", admin_file,
               "--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"]
    with (log.open("wb") as stderr, process.running(command, {setting.cores.envoy}, stderr=stderr) as running):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and running.poll() is None:
            if listening := _listening(admin_file):
                admin, address = listening
                yield Envoy(running.pid, address, admin)
                return
            time.sleep(0.05)
        raise RuntimeError(f"the plain Envoy doesn't serve:\n{log.read_text(errors='replace')[-2000:]}")


def _listening(admin_file: Path) -> tuple[str, str] | None:
    """The addresses of the admin interface and of the listener, once both are there."""
    admin = admin_file.read_text() if admin_file.exists() else ""
    if not admin:
        return None
    try:
        listeners = Envoy(0, "", admin).ask("/listeners").split()  # `main::127.0.0.1:PORT`
    except OSError:
        return None
    return (admin, listeners[0].split("::")[1]) if listeners else None


def _bootstrap(upstream: str) -> dict:
    address, port = upstream.rsplit(":", 1)
    return {
        "admin": {"address": _socket("127.0.0.1", 0)},
        "static_resources": {
            "listeners": [{
                "name": "main",
                "address": _socket("127.0.0.1", 0),
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": _connection_manager(),
                }]}],
            }],
            "clusters": [{
                "name": "upstream",
                "connect_timeout": "5s",
                "load_assignment": {
                    "cluster_name": "upstream",
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _socket(address, int(port))}}]}],
                },
            }],
        },
    }


def _connection_manager() -> dict:
    return {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "plain",
        "route_config": {
            "virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"},
                            "route": {"cluster": "upstream", "host_rewrite_literal": "api.openai.com"}}],
            }],
        },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"},
        }],
    }


def _socket(address: str, port: int) -> dict:
    return {"socket_address": {"address": address, "port_value": port}}
