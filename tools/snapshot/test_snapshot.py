"""What can be said of a start from a snapshot without Envoy. Run with: python3 -m unittest discover tools/snapshot"""

from __future__ import annotations

import json
import socket
import tempfile
import unittest
from pathlib import Path

from addresses import Address, Claims, parse_address, parse_listen, parse_upstreams
from envoy import REFUSED
from fill import Snapshot
from run import check_upstreams, read_env_file

ADS = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
KEPT = {
    "parameters.json": {"istio": "1.30.3", "listen": [80], "upstreams": {"a.example.com": "http"}, "environment": {}, "secrets": []},
    "bootstrap.json": {
        "admin": {"address": {"socket_address": {"address": "${admin.address}", "port_value": "${admin.port}"}}},
        "dynamic_resources": {"ads_config": {}, "lds_config": ADS, "cds_config": ADS},
        "static_resources": {"clusters": [{"name": "xds-grpc"}, {"name": "sds-grpc"}, {"name": "zipkin"}]},
    },
    "listeners.json": [
        {
            "name": "${listen.80.address}_${listen.80.port}",
            "rds": {"route_config_name": "http.${listen.80.port}", "config_source": ADS},
            "http_filters": [{"name": "auth", "config_discovery": {"config_source": ADS}}],
        }
    ],
    "clusters.json": [
        {"name": "c", "eds_cluster_config": {"eds_config": ADS, "service_name": "s"}},
        {"name": "tls", "validation": {"name": "file-root:${upstream_ca}", "sds_config": {"api_config_source": {}}}},
    ],
    "routes.json": [{"name": "http.${listen.80.port}"}],
    "endpoints.json": [{"cluster_name": "s", "address": "${upstream.a.example.com.address}", "port_value": "${upstream.a.example.com.port}"}],
    "filters.json": [
        {"name": "auth", "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": {"price": 0.4}}}
    ],
}
VALUES = {
    "admin.address": "127.0.0.1", "admin.port": "9901",
    "listen.80.address": "127.0.0.1", "listen.80.port": "8080",
    "upstream.a.example.com.address": "127.0.0.1", "upstream.a.example.com.port": "22001",
    "upstream_ca": "/certs/ca.crt",
}  # fmt: skip


class FilledSnapshot(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.kept, self.out = Path(self.directory.name, "kept"), Path(self.directory.name, "out")
        self.kept.mkdir()
        self.out.mkdir()
        for name, content in KEPT.items():
            (self.kept / name).write_text(json.dumps(content))

    def fill(self) -> None:
        Snapshot(self.kept).write(self.out, VALUES)

    def read(self, path: str | Path) -> dict:
        return json.loads((self.out / path).read_text())

    def one(self, path: str | Path) -> dict:
        (resource,) = self.read(path)["resources"]
        return resource

    def test_each_subscription_of_a_listener_leads_to_the_file_of_its_resource(self) -> None:
        self.fill()
        listener = self.one("listeners.json")
        route = self.one(listener["rds"]["config_source"]["path_config_source"]["path"])
        self.assertEqual(route["name"], "http.8080")
        source = listener["http_filters"][0]["config_discovery"]["config_source"]
        self.assertEqual(self.one(source["path_config_source"]["path"])["name"], "auth")

    def test_a_clusters_endpoints_and_ca_come_from_files(self) -> None:
        self.fill()
        cluster, tls = self.read("clusters.json")["resources"]
        endpoint = self.one(cluster["eds_cluster_config"]["eds_config"]["path_config_source"]["path"])
        self.assertEqual((endpoint["address"], endpoint["port_value"]), ("127.0.0.1", 22001))
        secret = self.one(tls["validation"]["sds_config"]["path_config_source"]["path"])
        self.assertEqual(secret["validation_context"], {"trusted_ca": {"filename": "/certs/ca.crt"}})

    def test_a_plugins_configuration_is_a_string_again(self) -> None:
        self.fill()
        self.assertEqual(self.one("filters-0.json")["configuration"]["value"], '{"price":0.4}')

    def test_the_bootstrap_reads_files_and_keeps_other_clusters(self) -> None:
        self.fill()
        bootstrap = self.read("bootstrap.json")
        self.assertEqual(set(bootstrap["dynamic_resources"]), {"lds_config", "cds_config"})
        self.assertEqual(bootstrap["static_resources"]["clusters"], [{"name": "zipkin"}])
        self.assertEqual(bootstrap["admin"]["address"]["socket_address"]["port_value"], 9901)

    def test_a_placeholder_without_a_value_is_named(self) -> None:
        (self.kept / "routes.json").write_text('[{"name": "${nothing}"}]')
        with self.assertRaisesRegex(ValueError, "nothing"):
            self.fill()


class CommandLine(unittest.TestCase):
    def test_ports_that_are_not_named_get_free_ones_beside_the_first(self) -> None:
        self.assertEqual(parse_listen("localhost:8080", [80, 443]), {80: Address("127.0.0.1", 8080), 443: Address("127.0.0.1", 0)})
        self.assertEqual(parse_listen("443=127.0.0.2:8443", [80, 443])[443], Address("127.0.0.2", 8443))

    def test_addresses_that_cannot_be_read_are_refused(self) -> None:
        for text in ("8080", "example.com:80", "127.0.0.1:99999", "127.0.0.1:x"):
            with self.assertRaises(ValueError, msg=text):
                parse_address(text)

    def test_an_address_in_use_is_refused_and_a_claimed_port_is_held(self) -> None:
        claims = Claims()
        self.addCleanup(claims.release)
        with socket.create_server(("127.0.0.1", 0)) as taken, self.assertRaises(OSError):
            claims.claim(Address("127.0.0.1", taken.getsockname()[1]))
        held = claims.claim(Address("127.0.0.1", 0))
        with self.assertRaises(OSError):
            socket.create_server((held.host, held.port)).close()

    def test_upstreams_must_be_those_that_the_snapshot_was_made_with(self) -> None:
        for text in ("", "a.example.com=https://127.0.0.1:1", "a.example.com=http://127.0.0.1:1 b.example.com=http://127.0.0.1:1"):
            with self.assertRaisesRegex(ValueError, r"[ab]\.example\.com", msg=text):
                check_upstreams(parse_upstreams(text), {"a.example.com": "http"})

    def test_a_mistake_in_an_env_file_names_the_line_and_not_its_text(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "env")
            path.write_text('KEYS={"a": "b=c"}\n\n# note\n')
            self.assertEqual(read_env_file(path), {"KEYS": '{"a": "b=c"}'})
            path.write_text("A=1\nsk-secret\n")
            with self.assertRaisesRegex(ValueError, "line 2") as raised:
                read_env_file(path)
            self.assertNotIn("secret", str(raised.exception))

    def test_envoys_words_for_a_refusal_are_known(self) -> None:
        for line in (
            "t\twarning\tenvoy config f.cc:64\tFilesystem config update rejected: Invalid path: auth.wasm\tthread=1",
            "t\tcritical\tenvoy wasm wasm.cc:616\tPlugin ai.auth failed to load\tthread=1",
        ):
            self.assertRegex(line, REFUSED)
        self.assertNotRegex("t\twarning\tenvoy wasm c.cc:1\twasm log: rejected a key\tthread=1", REFUSED)


if __name__ == "__main__":
    unittest.main()
