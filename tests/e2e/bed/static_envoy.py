"""An Envoy whose configuration a test writes out: filters, and a plain 200 behind them.

For what one filter does beside another one of Envoy's, or on listeners of its
own, without the chain and without Istio. Each listener answers by itself, so
that 200 means that its filters let the request through.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from .deadline import eventually
from .gateway import ENVOY, MODULES
from .metrics import Metrics

START_SECONDS = 60.0
STOP_SECONDS = 20.0

LABELS = ("credential", "issuer", "outcome", "reason", "document")
"""What `auth` puts into the names of its metrics, told to Envoy as tags."""

_TYPES = "type.googleapis.com/envoy.extensions"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def auth_filter(name: str, configuration: dict) -> dict:
    """The module as a plain Wasm filter of a connection manager."""
    return {
        "name": name,
        "typed_config": {
            "@type": f"{_TYPES}.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue",
                                  "value": json.dumps(configuration)},
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": str(MODULES / "auth.wasm")}},
                    "environment_variables": {"host_env_keys": ["AI_GATEWAY_STATE_KEY"]},
                },
            },
        },
    }


class StaticEnvoy:
    """`listeners` are lists of HTTP filters by name, `clusters` ports on loopback by name. With a `tls` context,
    a listener asks its clients for certificates."""

    def __init__(self, folder: Path, listeners: Mapping[str, list[dict]], clusters: Mapping[str, int] = {}, *,
                 workers: int = 1, environment: Mapping[str, str] = {}, tls: Mapping[str, dict] = {}):
        folder.mkdir(parents=True, exist_ok=True)
        self.log, self.access_log = folder / "envoy.log", folder / "access.log"
        configuration, admin_file = folder / "envoy.json", folder / "admin-address"
        configuration.write_text(json.dumps(self._bootstrap(listeners, clusters, tls)))
        command = [ENVOY, "--config-path", configuration, "--admin-address-path", admin_file, "--disable-hot-restart",
                   "--concurrency", workers, "--log-level", "warning", "--component-log-level", "wasm:debug"]
        with self.log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                env={**os.environ, **environment}, preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
        try:
            self.admin = eventually(lambda: self._ran() and admin_file.exists() and admin_file.read_text(),
                                    START_SECONDS, "the address of Envoy's admin interface")
            self._addresses = eventually(lambda: self._ran() and self._listening(len(listeners)),
                                         START_SECONDS, "all listeners")
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.log.read_text(errors='replace')[-4000:]}") from None
        self.metrics = Metrics(f"http://{self.admin}")

    def address(self, listener: str) -> tuple[str, int]:
        return self._addresses[listener]

    def ask(self, path: str) -> str:
        """What the admin interface says."""
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=20) as answer:
            return answer.read().decode()

    def resident_bytes(self) -> int:
        """The memory that the process holds."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _ran(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"Envoy ended with {self._process.returncode}")
        return True

    def _listening(self, wanted: int) -> dict[str, tuple[str, int]] | None:
        """The listeners' addresses, once all are there and the workers run."""
        with contextlib.suppress(OSError):
            state = json.loads(self.ask("/server_info"))["state"]
            found = {}
            for status in json.loads(self.ask("/listeners?format=json")).get("listener_statuses", []):
                address = status["local_address"]["socket_address"]
                found[status["name"]] = (address["address"], address["port_value"])
            return found if state == "LIVE" and len(found) == wanted else None
        return None

    def _bootstrap(self, listeners: Mapping[str, list[dict]], clusters: Mapping[str, int], tls: Mapping[str, dict]) -> dict:
        return {
            "admin": {"address": _socket("127.0.0.1", 0)},
            "stats_config": {"stats_tags": [{"tag_name": label, "regex": rf"({label}=\.=(.*?);\.;)"} for label in LABELS]},
            "static_resources": {
                "listeners": [self._listener(name, filters, tls.get(name)) for name, filters in listeners.items()],
                "clusters": [_cluster(name, port) for name, port in clusters.items()],
            },
        }

    def _listener(self, name: str, filters: list[dict], tls: dict | None) -> dict:
        chain: dict = {"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": self._connection_manager(name, filters),
        }]}
        if tls is not None:
            chain["transport_socket"] = {
                "name": "envoy.transport_sockets.tls",
                "typed_config": {"@type": f"{_TYPES}.transport_sockets.tls.v3.DownstreamTlsContext", **tls},
            }
        return {"name": name, "address": _socket("127.0.0.1", 0), "filter_chains": [chain]}

    def _connection_manager(self, name: str, filters: list[dict]) -> dict:
        return {
            "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name,
            # As istio/base/envoy-filters/connection-manager.yaml has it.
            "http2_protocol_options": {"initial_stream_window_size": 524288},
            # Long tokens are the filters' matter here.
            "max_request_headers_kb": 1024,
            "access_log": [{
                "name": "envoy.access_loggers.file",
                "typed_config": {"@type": f"{_TYPES}.access_loggers.file.v3.FileAccessLog", "path": str(self.access_log),
                                 "log_format": {"json_format": {
                                     "listener": name,
                                     "status": "%RESPONSE_CODE%",
                                     "tenant": "%FILTER_STATE(wasm.ai.tenant:PLAIN)%",
                                     "plan": "%FILTER_STATE(wasm.ai.plan:PLAIN)%",
                                     "user": "%FILTER_STATE(wasm.ai.user:PLAIN)%",
                                     "key": "%FILTER_STATE(wasm.ai.key:PLAIN)%",
                                     "models": "%FILTER_STATE(wasm.ai.models:PLAIN)%",
                                     "shadowed": "%FILTER_STATE(wasm.ai.shadowed:PLAIN)%",
                                     "refused": "%FILTER_STATE(wasm.ai.refused:PLAIN)%",
                                     "mark": "%REQ(x-mark)%",
                                     "path": "%REQ(:path)%",
                                     "details": "%RESPONSE_CODE_DETAILS%",
                                 }}},
            }],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "let through"}}},
            ]}]},
            "http_filters": [*filters, {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"},
            }],
        }


def _cluster(name: str, port: int) -> dict:
    endpoint = {"endpoint": {"address": _socket("127.0.0.1", port)}}
    return {"name": name, "connect_timeout": "1s",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}}


def _socket(address: str, port: int) -> dict:
    return {"socket_address": {"address": address, "port_value": port}}
