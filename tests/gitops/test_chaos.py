"""The experiments of tests/chaos: wired to what ships. No Litmus is to be had here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CHAOS = REPOSITORY / "tests/chaos"

GENERIC = {"pod-delete", "container-kill", "pod-network-loss", "pod-network-latency", "pod-memory-hog"}
"""Of Litmus' own experiments, those that the README asks for."""


def documents(path: Path) -> list[dict]:
    return [one for one in yaml.load_all(path.read_text(), yaml.CSafeLoader) if one]


ENGINES = {path.stem: documents(path)[0] for path in sorted(CHAOS.glob("*.yaml")) if path.stem != "rbac"}
every_engine = pytest.mark.parametrize("name", ENGINES)


def experiment(name: str) -> dict:
    (one,) = ENGINES[name]["spec"]["experiments"]
    return one


@every_engine
def test_an_experiment_is_one_of_litmus_and_has_an_end(name):
    assert ENGINES[name]["metadata"]["name"] == name
    assert experiment(name)["name"] in GENERIC
    env = {variable["name"]: variable["value"] for variable in experiment(name)["spec"]["components"]["env"]}
    assert 0 < int(env["TOTAL_CHAOS_DURATION"]) <= 300


@every_engine
def test_an_experiment_aims_at_pods_that_ship_and_never_at_production(name):
    info = ENGINES[name]["spec"]["appinfo"]
    if info["appns"] == "ai-gateway-dev":
        labels = documents(REPOSITORY / "manifests/base/deployment.yaml")[0]["spec"]["template"]["metadata"]["labels"]
        label, _, value = info["applabel"].partition("=")
        assert labels[label] == value
    else:
        assert (info["appns"], info["applabel"]) == ("istio-system", "app=istiod")


@every_engine
def test_an_experiments_account_may_touch_its_pods(name):
    namespace = ENGINES[name]["spec"]["appinfo"]["appns"]
    rbac = documents(CHAOS / "rbac.yaml")
    account = ENGINES[name]["spec"]["chaosServiceAccount"]
    assert any(one["kind"] == "ServiceAccount" and one["metadata"] == {"name": account, "namespace": "litmus"} for one in rbac)
    (role,) = [one for one in rbac if one["kind"] == "Role" and one["metadata"]["namespace"] == namespace]
    assert any("pods" in rule["resources"] and "delete" in rule["verbs"] for rule in role["rules"])
    (binding,) = [one for one in rbac if one["kind"] == "RoleBinding" and one["metadata"]["namespace"] == namespace]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "litmus"}]


@every_engine
def test_a_probe_asks_for_metrics_that_the_dashboards_ask_for_too(name):
    shown = "".join(path.read_text() for path in (REPOSITORY / "monitoring").rglob("*.yaml"))
    probes = experiment(name)["spec"]["probe"]
    assert probes
    for probe in probes:
        for metric in re.findall(r"\b((?:envoy|ai)_[a-z_]+)\{", probe["promProbe/inputs"]["query"]):
            assert metric in shown, metric


@every_engine
def test_a_probe_at_the_end_looks_back_over_the_whole_experiment(name):
    seconds = {variable["name"]: variable["value"] for variable in experiment(name)["spec"]["components"]["env"]}["TOTAL_CHAOS_DURATION"]
    for probe in experiment(name)["spec"]["probe"]:
        if probe["mode"] == "EOT":
            windows = re.findall(r"\[(\d+)m\]", probe["promProbe/inputs"]["query"])
            assert windows and all(60 * int(window) >= int(seconds) + 60 for window in windows)


def test_the_readme_names_every_experiment():
    text = (CHAOS / "README.md").read_text()
    assert set(re.findall(r"`([a-z-]+)\.yaml`", text)) - {"rbac"} == set(ENGINES)
