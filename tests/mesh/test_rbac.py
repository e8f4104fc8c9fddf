"""What each service account and each group may do, asked of the API server itself (`kubectl auth can-i`)."""

from __future__ import annotations

import json

import pytest

GATEWAY = "system:serviceaccount:{0}:ai-gateway"
TENANT = "system:serviceaccount:tenant-payments:llm-client"
COLLECTOR = "system:serviceaccount:ai-gateway-observability:otel-collector"
PEOPLE = "payments-developers"

MAY = [
    *((GATEWAY.format(namespace), verb, "secrets", namespace)
      for namespace in ("ai-gateway-dev", "ai-gateway-prod") for verb in ("get", "list", "watch")),
]

MAY_NOT = [
    # The gateway: Secrets of its own namespace, to be read, and nothing else.
    *((GATEWAY.format("ai-gateway-prod"), verb, kind, namespace) for verb, kind, namespace in (
        ("create", "secrets", "ai-gateway-prod"), ("delete", "secrets", "ai-gateway-prod"),
        ("get", "secrets", "ai-gateway-dev"), ("list", "secrets", "tenant-payments"), ("list", "secrets", "istio-system"),
        ("list", "pods", "ai-gateway-prod"), ("get", "configmaps", "ai-gateway-prod"),
        ("patch", "wasmplugins.extensions.istio.io", "ai-gateway-prod"), ("list", "namespaces", ""))),
    # A tenant's workloads don't ask the Kubernetes API anything.
    *((TENANT, verb, kind, namespace) for verb, kind, namespace in (
        ("list", "pods", "tenant-payments"), ("get", "secrets", "tenant-payments"), ("get", "secrets", "ai-gateway-prod"),
        ("patch", "resourcequotas", "tenant-payments"), ("create", "authorizationpolicies.security.istio.io", "tenant-payments"))),
    # What else runs reads no Secret.
    *((account, "get", "secrets", "ai-gateway-prod") for account in (
        COLLECTOR, "system:serviceaccount:ai-gateway-grafana:grafana-prometheus",
        "system:serviceaccount:openshift-logging:ai-gateway-logs", "system:serviceaccount:ai-gateway-prod:default")),
]

PEOPLE_MAY = [("create", "deployments.apps"), ("delete", "jobs.batch"), ("get", "pods/log"), ("create", "secrets"),
              ("list", "resourcequotas"), ("update", "configmaps")]
PEOPLE_MAY_NOT = [("get", "secrets"), ("list", "secrets"), ("update", "resourcequotas"), ("delete", "limitranges"),
                  ("patch", "networkpolicies.networking.k8s.io"), ("create", "rolebindings.rbac.authorization.k8s.io"),
                  ("create", "authorizationpolicies.security.istio.io"), ("create", "pods/exec")]


@pytest.mark.parametrize(("account", "verb", "kind", "namespace"), MAY)
def test_a_service_account_may(plane, applied, account, verb, kind, namespace):
    assert _can(plane, verb, kind, namespace, f"--as={account}") == "yes"


@pytest.mark.parametrize(("account", "verb", "kind", "namespace"), MAY_NOT)
def test_a_service_account_may_not(plane, applied, account, verb, kind, namespace):
    assert _can(plane, verb, kind, namespace, f"--as={account}") == "no"


@pytest.mark.parametrize(("verb", "kind"), PEOPLE_MAY)
def test_a_tenants_people_may_in_their_namespace_and_in_no_other(plane, applied, verb, kind):
    people = ("--as=somebody", f"--as-group={PEOPLE}")
    assert _can(plane, verb, kind, "tenant-payments", *people) == "yes"
    assert _can(plane, verb, kind, "tenant-research", *people) == "no"
    assert _can(plane, verb, kind, "ai-gateway-prod", *people) == "no"


@pytest.mark.parametrize(("verb", "kind"), PEOPLE_MAY_NOT)
def test_a_tenants_people_may_not_even_in_their_own_namespace(plane, applied, verb, kind):
    assert _can(plane, verb, kind, "tenant-payments", "--as=somebody", f"--as-group={PEOPLE}") == "no"


def test_the_collector_may_write_the_traces_of_the_gateways_tenant_and_of_no_other(plane, applied):
    # Tempo's gateway asks about a kind that no API server has, and kubectl can't.
    assert _is_allowed(plane, COLLECTOR, {"verb": "create", "group": "tempo.grafana.com", "resource": "ai-gateway", "name": "traces"})
    assert not _is_allowed(plane, COLLECTOR, {"verb": "create", "group": "tempo.grafana.com", "resource": "payments", "name": "traces"})
    assert not _is_allowed(plane, COLLECTOR, {"verb": "get", "group": "tempo.grafana.com", "resource": "ai-gateway", "name": "traces"})


def test_every_role_that_ships_is_bound_to_somebody_who_is_tried_here(plane, applied):
    tried = {account.split(":")[3] for account, *_ in MAY + MAY_NOT} | {PEOPLE}
    for namespace in ("ai-gateway-dev", "ai-gateway-prod", "tenant-payments"):
        subjects = {subject["name"] for binding in plane.get("rolebindings", "-n", namespace)["items"] for subject in binding["subjects"]}
        assert subjects <= tried


def _can(plane, verb: str, kind: str, namespace: str, *who: str) -> str:
    kind, _, subresource = kind.partition("/") if kind.startswith("pods/") else (kind, "", "")
    words = ["auth", "can-i", verb, kind, *who]
    words += [f"--subresource={subresource}"] if subresource else []
    words += ["-n", namespace] if namespace else []
    return plane.kubectl(*words, check=False).stdout.strip().splitlines()[-1].split()[0]


def _is_allowed(plane, account: str, attributes: dict) -> bool:
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
              "spec": {"user": account, "resourceAttributes": attributes}}
    return json.loads(plane.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(review)).stdout)["status"]["allowed"]
