"""Whose answers about sessions count, and who may ask for them."""

from __future__ import annotations

from bed import overlays


def test_only_the_gateways_own_identity_may_ask_the_session_proxy():
    built = overlays.with_component("istio/components/oauth2")
    gateway = overlays.one(overlays.shipped("manifests/overlays/prod"), "Deployment", "ai-gateway")
    proxy = overlays.one(built, "Deployment", "oauth2-proxy")["spec"]["template"]
    policies = [r["spec"] for r in built if r["kind"] == "AuthorizationPolicy"
                and r["spec"]["selector"]["matchLabels"].items() <= proxy["metadata"]["labels"].items()]

    (policy,) = policies
    (rule,) = policy["rules"]
    identity = f"cluster.local/ns/{gateway['metadata']['namespace']}/sa/{gateway['spec']['template']['spec']['serviceAccountName']}"
    assert (policy["action"], rule["from"]) == ("ALLOW", [{"source": {"principals": [identity]}}])
    (port,) = [port["containerPort"] for container in proxy["spec"]["containers"] for port in container["ports"]]
    assert rule["to"] == [{"operation": {"ports": [str(port)]}}]
