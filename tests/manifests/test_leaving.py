"""A pod that leaves loses no stream within its grace: the numbers of three places add up."""

from __future__ import annotations

import re

import yaml
from bed import overlays

SLACK_SECONDS = 10


def seconds(text: str) -> int:
    """A duration of Istio's: `45s`, `1h`, `1h0m5s`."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


def leaving(environment: str) -> dict:
    workload = overlays.shipped(f"manifests/overlays/{environment}")
    pod = overlays.one(workload, "Deployment", "ai-gateway")["spec"]["template"]
    (proxy,) = pod["spec"]["containers"]
    config = yaml.safe_load(pod["metadata"]["annotations"]["proxy.istio.io/config"])
    settings = overlays.one(workload, "ConfigMap", "ai-gateway")["data"]
    return {
        "grace": pod["spec"]["terminationGracePeriodSeconds"],
        "pre_stop": proxy["lifecycle"]["preStop"]["sleep"]["seconds"],
        "drain": seconds(config["drainDuration"]),
        "termination_drain": seconds(config["terminationDrainDuration"]),
        "minimum": seconds(settings["MINIMUM_DRAIN_DURATION"]),
        "waits_for_streams": settings["EXIT_ON_ZERO_ACTIVE_CONNECTIONS"] == "true",
    }


def longest_answer(environment: str) -> int:
    return max(seconds(http["timeout"]) for r in overlays.shipped(f"istio/overlays/{environment}")
               if r["kind"] == "VirtualService" for http in r["spec"]["http"] if "timeout" in http)


def test_in_production_the_grace_is_longer_than_the_longest_answer_and_what_stands_before_it():
    pod = leaving("prod")
    assert pod["waits_for_streams"]
    assert pod["grace"] >= pod["pre_stop"] + pod["drain"] + longest_answer("prod") + SLACK_SECONDS
    assert pod["minimum"] < longest_answer("prod")


def test_the_page_on_upgrades_says_what_a_drain_and_a_rollout_meet():
    page = (overlays.REPOSITORY / "docs/upgrade.md").read_text()
    grace = leaving("prod")["grace"]
    assert f"{grace} s" in page and f"maxPodGracePeriod: {grace}" in page
    workload = overlays.shipped("manifests/overlays/prod")
    (proxy,) = overlays.one(workload, "Deployment", "ai-gateway")["spec"]["template"]["spec"]["containers"]
    pods, asked = overlays.one(workload, "HorizontalPodAutoscaler", "ai-gateway")["spec"]["minReplicas"], proxy["resources"]["requests"]
    cores, memory = pods * int(asked["cpu"]), pods * int(asked["memory"].removesuffix("Gi"))
    assert f"{2 * cores} cores and {2 * memory} GiB are asked for instead of {cores} and {memory}" in " ".join(page.split())


def test_in_development_a_pod_is_gone_before_its_grace_ends():
    pod = leaving("dev")
    assert not pod["waits_for_streams"]
    assert pod["grace"] >= pod["pre_stop"] + pod["termination_drain"] + SLACK_SECONDS


def test_every_route_to_a_provider_has_an_end():
    for environment in overlays.ENVIRONMENTS:
        for resource in overlays.shipped(f"istio/overlays/{environment}"):
            for http in resource["spec"].get("http", []) if resource["kind"] == "VirtualService" else []:
                assert "route" not in http or "timeout" in http, overlays.identity(resource)


def test_the_router_waits_longer_for_a_byte_than_the_gateway():
    """Else OpenShift's router cuts an answer that the gateway still waits for."""
    manager = overlays.one(overlays.shipped("istio/overlays/dev"), "EnvoyFilter", "connection-manager")
    silence = seconds(manager["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["stream_idle_timeout"])
    edge = overlays.one(overlays.shipped("manifests/overlays/dev"), "Route", "ai-gateway")["metadata"]["annotations"]
    assert seconds(edge["haproxy.router.openshift.io/timeout"]) >= silence
    tunnel = overlays.one(overlays.shipped("manifests/overlays/prod"), "Route", "ai-gateway")["metadata"]["annotations"]
    assert seconds(tunnel["haproxy.router.openshift.io/timeout-tunnel"]) >= longest_answer("prod")
