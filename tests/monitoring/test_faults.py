"""Faults that one machine can have: the alert fires in a real Prometheus, by what a real Envoy counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bed.deadline import eventually
from watched import trap

FIRES_SECONDS = 30


def firing(prometheus, alert: str) -> bool:
    return any(rule["state"] == "firing" for rule in prometheus.rules() if rule["name"] == alert)


@contextmanager
def replaced(file: Path, content: bytes) -> Iterator[None]:
    kept = file.read_bytes()
    file.write_bytes(content)
    try:
        yield
    finally:
        file.write_bytes(kept)


def test_a_plugin_that_refuses_its_configuration_is_told_of_while_the_last_good_one_serves(bed):
    alert = "AIGatewayConfigurationRejected"
    assert not firing(bed.prometheus, alert)
    file = bed.gateway.folder / "overlay/token-counter.yaml"
    patch = json.loads(file.read_text())
    patch["spec"]["pluginConfig"]["plans"]["e2e-open"]["tokensPerMinute"] = "many"
    with replaced(file, json.dumps(patch).encode()):
        eventually(lambda: firing(bed.prometheus, alert), FIRES_SECONDS, f"{alert} fires")
        refused = 'envoy_plugin_configurations_total{plugin="token_counter",result=~"config_fail|update_rejected"}'
        assert bed.prometheus.number(refused) > 0
        bed.traffic.well()


def test_a_filter_whose_vm_dies_is_told_of_by_its_name_and_serves_again(bed):
    died = 'sum by (plugin) (envoy_wasm_vm_reloads_total{result="success"}) > 0'
    assert bed.prometheus.query(died) == [] and not firing(bed.prometheus, "AIGatewayWasmVMReloaded")
    with replaced(bed.gateway.folder / "modules/response-cache.wasm", trap.module()):
        # The first request of a worker kills its VM, the next one finds it dead and has it loaded anew.
        eventually(lambda: bed.traffic.status() == 503 and bed.prometheus.query(died), FIRES_SECONDS, "VMs are loaded anew")
        eventually(lambda: firing(bed.prometheus, "AIGatewayWasmVMReloaded"), FIRES_SECONDS, "the alert fires")
        assert [sample["metric"]["plugin"] for sample in bed.prometheus.query(died)] == ["response_cache"]
    eventually(lambda: bed.traffic.status() == 200, FIRES_SECONDS, "the shipped module serves again")
