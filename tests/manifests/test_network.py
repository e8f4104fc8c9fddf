"""docs/network.md, row by row, against the NetworkPolicies that ship."""

from __future__ import annotations

import os
import re

import pytest
import yaml
from bed import overlays
from bed.network import Peer, passes

ROW = re.compile(r"^\| ([a-z0-9 -]+) \| ([a-z0-9 -]+) \| (\d+)/(TCP|UDP) \|", re.MULTILINE)

DOCUMENT = (overlays.REPOSITORY / "docs/network.md").read_text()
ALLOWED, REFUSED = (ROW.findall(part) for part in DOCUMENT.split("What doesn't pass", 1))


def namespace_labels(resources, **more: str) -> dict:
    namespace = next(r for r in resources if r["kind"] == "Namespace")
    return {**namespace["metadata"]["labels"], "kubernetes.io/metadata.name": namespace["metadata"]["name"], **more}


def peers(environment: str) -> dict[str, Peer]:
    """Everybody in the tables, as the cluster labels them."""
    gateway = overlays.shipped(f"manifests/overlays/{environment}")
    own = namespace_labels(gateway)

    def here(**labels: str) -> Peer:
        return Peer(f"ai-gateway-{environment}", own, labels)

    def platform(namespace: str, labels: dict | None = None, **namespace_label: str) -> Peer:
        found = {"kubernetes.io/metadata.name": namespace, **{k.replace("__", "/"): v for k, v in namespace_label.items()}}
        return Peer(namespace, found, labels or {})

    def tenant(name: str) -> Peer:
        return Peer(f"tenant-{name}", namespace_labels(overlays.shipped(f"manifests/tenants/{name}")), {"app": "batch"})

    return {
        "gateway": Peer(f"ai-gateway-{environment}", own,
                        overlays.one(gateway, "Deployment", "ai-gateway")["spec"]["template"]["metadata"]["labels"]),
        "tenant": tenant("payments"),
        "same tenant": tenant("payments"),
        "other tenant": tenant("research"),
        "router": Peer("openshift-ingress", {"policy-group.network.openshift.io/ingress": ""}, {}),
        "prometheus": platform("openshift-user-workload-monitoring", {"app.kubernetes.io/name": "prometheus"}),
        "istiod": platform("istio-system", {"app": "istiod"}),
        "dns": platform("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"}),
        "registry": platform("openshift-image-registry"),
        "model server": platform("models", **{"ai-gateway__provider": "true"}),
        "issuer": platform("sso", **{"ai-gateway__issuer": "true"}),
        "collector": platform("ai-gateway-observability"),
        "stranger": platform("somebody-else"),
        "oauth2-proxy": here(**{"app.kubernetes.io/name": "oauth2-proxy"}),
        "internet": Peer(address="203.0.113.7"),
        "inner network": Peer(address="10.20.30.40"),
        "api server": Peer(address="10.0.0.10"),
        "metadata service": Peer(address="169.254.169.254"),
    }


def policies(environment: str) -> list[dict]:
    oauth2 = overlays.with_component("istio/components/oauth2") if environment == "prod" else ()
    built = (*overlays.shipped(f"manifests/overlays/{environment}"), *oauth2,
             *overlays.shipped("manifests/tenants/payments"), *overlays.shipped("manifests/tenants/research"))
    return [r for r in built if r["kind"] == "NetworkPolicy"]


def test_the_document_has_both_tables():
    assert len(ALLOWED) > 15 and len(REFUSED) > 8


@pytest.mark.parametrize("environment", overlays.ENVIRONMENTS)
@pytest.mark.parametrize("row", ALLOWED, ids=" ".join)
def test_what_the_document_lets_pass_passes(environment, row):
    source, destination, port, protocol = row
    everybody = peers(environment)
    if "oauth2-proxy" in (source, destination) and environment == "dev":
        pytest.skip("the component is production's")
    assert passes(policies(environment), everybody[source], everybody[destination], int(port), protocol)


@pytest.mark.parametrize("environment", overlays.ENVIRONMENTS)
@pytest.mark.parametrize("row", REFUSED, ids=" ".join)
def test_what_the_document_refuses_is_refused(environment, row):
    source, destination, port, protocol = row
    everybody = peers(environment)
    if source == "oauth2-proxy" and environment == "dev":
        pytest.skip("the component is production's")
    assert not passes(policies(environment), everybody[source], everybody[destination], int(port), protocol)


def test_a_rule_for_ones_own_network_opens_what_it_names_and_nothing_else(tmp_path):
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({
        **yaml.safe_load(re.search(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)[1]),
        "resources": [os.path.relpath(overlays.REPOSITORY / "manifests/overlays/prod", tmp_path.resolve())]}))
    opened = [r for r in overlays.build(tmp_path) if r["kind"] == "NetworkPolicy"]
    everybody = peers("prod")
    assert passes(opened, everybody["gateway"], Peer(address="10.20.30.40"), 443, "TCP")
    assert not passes(opened, everybody["gateway"], Peer(address="10.20.31.40"), 443, "TCP")
    assert not passes(opened, everybody["gateway"], everybody["stranger"], 443, "TCP")


def test_the_egress_firewall_names_every_provider_and_the_registry_and_refuses_the_rest():
    *allowed, v4, v6 = overlays.one(overlays.with_component("manifests/components/egress-firewall"), "EgressFirewall", "default")["spec"]["egress"]
    mesh = overlays.shipped("istio/overlays/prod")
    hosts = {host for r in mesh if r["kind"] == "ServiceEntry" for host in r["spec"]["hosts"]}
    registries = {r["spec"]["url"].removeprefix("oci://").split("/")[0] for r in mesh if r["kind"] == "WasmPlugin"}
    assert {rule["to"]["dnsName"] for rule in allowed} == hosts | registries
    assert all((rule["type"], rule["ports"]) == ("Allow", [{"port": 443, "protocol": "TCP"}]) for rule in allowed)
    assert [(rule["type"], rule["to"]["cidrSelector"]) for rule in (v4, v6)] == [("Deny", "0.0.0.0/0"), ("Deny", "::/0")]
