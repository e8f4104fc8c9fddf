"""A kept snapshot made into files that Envoy reads: placeholders filled in, xDS streams replaced by files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable

from addresses import Address

LISTENER = "envoy.config.listener.v3.Listener"
CLUSTER = "envoy.config.cluster.v3.Cluster"
PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Snapshot:
    """The kept files, as they are in the repository."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.parameters = self._read("parameters.json")

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self._directory / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{self._directory / name}: {error}") from None

    def write(self, out: Path, values: dict[str, str]) -> Path:
        """Write what Envoy reads below `out`, and give the bootstrap's path."""
        writer = _Writer(out, values)
        for kind in ("routes", "endpoints", "filters"):
            writer.write_each(kind, self._read(f"{kind}.json"))
        writer.write_all("listeners", self._read("listeners.json"))
        writer.write_all("clusters", self._read("clusters.json"))
        return writer.write_bootstrap(self._read("bootstrap.json"))


def address_values(name: str, address: Address) -> dict[str, str]:
    return {f"{name}.address": address.host, f"{name}.port": str(address.port)}


class _Writer:
    def __init__(self, out: Path, values: dict[str, str]) -> None:
        self._out = out
        self._values = values
        self._files: dict[tuple[str, str], Path] = {}

    def write_each(self, kind: str, resources: list[Any]) -> None:
        """A file per resource: Envoy refuses a file for one route, endpoint or filter that holds several."""
        for number, resource in enumerate(resources):
            filled = self._fill(resource)
            name = filled.get("name") or filled["cluster_name"]
            self._files[kind, name] = self._write(f"{kind}-{number}.json", {"version_info": "kept", "resources": [filled]})

    def write_all(self, kind: str, resources: list[Any]) -> None:
        filled = [self._from_files(self._fill(resource)) for resource in resources]
        self._write(f"{kind}.json", {"version_info": "kept", "resources": filled})

    def write_bootstrap(self, bootstrap: Any) -> Path:
        filled = self._fill(bootstrap)
        filled["dynamic_resources"] = {
            "lds_config": _file_source(self._out / "listeners.json"),
            "cds_config": _file_source(self._out / "clusters.json"),
        }
        static = filled["static_resources"]
        static["clusters"] = [c for c in static["clusters"] if c["name"] not in ("xds-grpc", "sds-grpc")]
        return self._write("bootstrap.json", filled)

    def _write(self, name: str, content: Any) -> Path:
        path = self._out / name
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return path

    def _fill(self, value: Any) -> Any:
        """Put values for placeholders, and a plugin's configuration back into its string."""
        if isinstance(value, str):
            return PLACEHOLDER.sub(self._value, value)
        if isinstance(value, list):
            return [self._fill(item) for item in value]
        if isinstance(value, dict):
            filled = {key: self._fill(item) for key, item in value.items()}
            if "port_value" in filled:
                filled["port_value"] = int(filled["port_value"])
            if filled.get("@type", "").endswith("google.protobuf.StringValue") and isinstance(filled["value"], dict):
                filled["value"] = json.dumps(filled["value"], separators=(",", ":"))
            return filled
        return value

    def _value(self, found: re.Match[str]) -> str:
        try:
            return self._values[found[1]]
        except KeyError:
            raise ValueError(f"the snapshot wants a value for {found[1]}") from None

    def _from_files(self, resource: Any) -> Any:
        """Replace each subscription of a listener or cluster by a file."""
        _visit(resource, self._replace_subscription)
        return resource

    def _replace_subscription(self, node: dict[str, Any]) -> None:
        if "rds" in node:
            node["rds"]["config_source"] = _file_source(self._files["routes", node["rds"]["route_config_name"]])
        if "config_discovery" in node:
            node["config_discovery"]["config_source"] = _file_source(self._files["filters", node["name"]])
        if "eds_cluster_config" in node:
            eds = node["eds_cluster_config"]
            eds["eds_config"] = _file_source(self._files["endpoints", eds.get("service_name") or node["name"]])
        if "sds_config" in node:
            node["sds_config"] = _file_source(self._root_secret(node["name"]))

    def _root_secret(self, name: str) -> Path:
        """What Istio's agent would answer: the CA file that a DestinationRule names."""
        if ("secrets", name) not in self._files:
            path = name.removeprefix("file-root:")
            if path == "system":
                path = next((p for p in SYSTEM_ROOTS if Path(p).exists()), path)
            secret = {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
                "name": name,
                "validation_context": {"trusted_ca": {"filename": path}},
            }
            file = self._write(f"secret-{len(self._files)}.json", {"version_info": "kept", "resources": [secret]})
            self._files["secrets", name] = file
        return self._files["secrets", name]


def _file_source(path: Path) -> dict[str, Any]:
    return {
        "path_config_source": {"path": str(path)},
        "initial_fetch_timeout": "0s",
        "resource_api_version": "V3",
    }


def _visit(value: Any, visit: Callable[[dict[str, Any]], None]) -> None:
    if isinstance(value, list):
        for item in value:
            _visit(item, visit)
    elif isinstance(value, dict):
        visit(value)
        for item in value.values():
            _visit(item, visit)
