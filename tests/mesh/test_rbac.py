"""What each service account and each group may do, asked of the API server itself."""

from __future__ import annotations

import json

import pytest

from mesh.component import added_by, overlay_with
from mesh.overlays import components, overlays, resources

GATEWAY = "ai-gateway-{0}:ai-gateway"
TENANT = "tenant-{0}:llm-client"
COLLECTOR = "ai-gateway-observability:otel-collector"
GRAFANA = "ai-gateway-grafana:grafana-prometheus"
LOGS = "openshift-logging:ai-gateway-logs"
KIALI = "istio-system:kiali-service-account"
SCALER = "ai-gateway-prod:ai-gateway-prometheus"
KEDA = "openshift-keda:keda-operator"
BROWSERS = "ai-gateway-prod:oauth2-proxy"

DEVELOPERS = "{0}-developers"
OPERATORS = "ai-gateway-operators"

ELSEWHERE = ("ai-gateway-pipelines:", "litmus:")
"""Accounts of these namespaces are tried in test_files.py, where their roles are applied."""

# Account, verb, kind[/name] with its group, namespace. A kind that no API server has is asked about all the same:
# Tempo's, Loki's and Thanos' gateways do so.
MAY = [
    *((GATEWAY.format(environment), verb, "secrets", f"ai-gateway-{environment}")
      for environment in ("dev", "prod") for verb in ("get", "list", "watch")),
    (COLLECTOR, "create", "ai-gateway.tempo.grafana.com/traces", ""),
    (KIALI, "get", "ai-gateway.tempo.grafana.com/traces", ""),
    (KIALI, "get", "prometheuses.monitoring.coreos.com/k8s/api", "openshift-monitoring"),
    (GRAFANA, "get", "prometheuses.monitoring.coreos.com/k8s/api", "openshift-monitoring"),
    (GRAFANA, "get", "namespaces", ""),
    (LOGS, "collect", "logs.observability.openshift.io/application", ""),
    (LOGS, "create", "application.loki.grafana.com/logs", ""),
    (SCALER, "get", "pods", "ai-gateway-prod"),
    (SCALER, "list", "pods.metrics.k8s.io", "ai-gateway-prod"),
    (KEDA, "create", "serviceaccounts/ai-gateway-prometheus/token", "ai-gateway-prod"),
]

MAY_NOT = [
    # The gateway: Secrets of its own namespace, to be read, and nothing else.
    *((GATEWAY.format("prod"), verb, kind, namespace) for verb, kind, namespace in (
        ("create", "secrets", "ai-gateway-prod"), ("delete", "secrets", "ai-gateway-prod"),
        ("get", "secrets", "ai-gateway-dev"), ("list", "secrets", "tenant-payments"), ("list", "secrets", "istio-system"),
        ("list", "pods", "ai-gateway-prod"), ("get", "configmaps", "ai-gateway-prod"),
        ("patch", "wasmplugins.extensions.istio.io", "ai-gateway-prod"), ("list", "namespaces", ""))),
    (GATEWAY.format("dev"), "get", "secrets", "ai-gateway-prod"),
    # A tenant's workloads don't ask the Kubernetes API anything.
    *((TENANT.format(tenant), verb, kind, namespace) for tenant in ("payments", "research") for verb, kind, namespace in (
        ("list", "pods", f"tenant-{tenant}"), ("get", "secrets", f"tenant-{tenant}"), ("get", "secrets", "ai-gateway-prod"),
        ("patch", "resourcequotas", f"tenant-{tenant}"), ("create", "authorizationpolicies.security.istio.io", f"tenant-{tenant}"))),
    # What else runs reads no Secret.
    *((account, "get", "secrets", "ai-gateway-prod") for account in (
        COLLECTOR, GRAFANA, LOGS, KIALI, SCALER, KEDA, BROWSERS, "ai-gateway-prod:default")),
    # Whoever writes doesn't read, and the other way round; nobody touches another's.
    (COLLECTOR, "get", "ai-gateway.tempo.grafana.com/traces", ""),
    (COLLECTOR, "create", "payments.tempo.grafana.com/traces", ""),
    (KIALI, "create", "ai-gateway.tempo.grafana.com/traces", ""),
    (KIALI, "get", "payments.tempo.grafana.com/traces", ""),
    (KIALI, "patch", "virtualservices.networking.istio.io", "ai-gateway-prod"),
    (GRAFANA, "get", "ai-gateway.tempo.grafana.com/traces", ""),
    (GRAFANA, "get", "pods", "ai-gateway-prod"),
    (GRAFANA, "delete", "prometheuses.monitoring.coreos.com/k8s/api", "openshift-monitoring"),
    (LOGS, "collect", "logs.observability.openshift.io/audit", ""),
    (LOGS, "collect", "logs.observability.openshift.io/infrastructure", ""),
    (LOGS, "get", "application.loki.grafana.com/logs", ""),
    (SCALER, "get", "pods", "ai-gateway-dev"),
    (SCALER, "delete", "pods", "ai-gateway-prod"),
    (SCALER, "get", "pods/log", "ai-gateway-prod"),
    (KEDA, "create", "serviceaccounts/ai-gateway/token", "ai-gateway-prod"),
    (KEDA, "create", "serviceaccounts/ai-gateway-prometheus/token", "ai-gateway-dev"),
    (BROWSERS, "list", "pods", "ai-gateway-prod"),
    (BROWSERS, "create", "subjectaccessreviews.authorization.k8s.io", ""),
]

PEOPLE_MAY = [("create", "deployments.apps"), ("delete", "jobs.batch"), ("get", "pods/log"), ("create", "secrets"),
              ("list", "resourcequotas"), ("update", "configmaps")]
PEOPLE_MAY_NOT = [("get", "secrets"), ("list", "secrets"), ("update", "resourcequotas"), ("delete", "limitranges"),
                  ("patch", "networkpolicies.networking.k8s.io"), ("create", "rolebindings.rbac.authorization.k8s.io"),
                  ("create", "authorizationpolicies.security.istio.io"), ("create", "pods/exec"),
                  ("delete", "peerauthentications.security.istio.io")]


@pytest.fixture(scope="module")
def roles(plane, applied, tmp_path_factory):
    """What Components bring of accounts and roles is there too."""
    brought = [resource for number, component in enumerate(components())
               for resource in added_by(component, overlay_with(component, tmp_path_factory.mktemp("component") / str(number)))
               if resource["kind"] == "ServiceAccount" or resource["apiVersion"].startswith("rbac.")]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": brought})
    plane.kubectl("apply", "-f", "-", stdin=listed)
    yield brought
    plane.kubectl("delete", "-f", "-", stdin=listed)


@pytest.mark.parametrize(("account", "verb", "kind", "namespace"), MAY)
def test_a_service_account_may(plane, roles, account, verb, kind, namespace):
    assert _can(plane, verb, kind, namespace, account=account)


@pytest.mark.parametrize(("account", "verb", "kind", "namespace"), MAY_NOT)
def test_a_service_account_may_not(plane, roles, account, verb, kind, namespace):
    assert not _can(plane, verb, kind, namespace, account=account)


@pytest.mark.parametrize("tenant", ["payments", "research"])
@pytest.mark.parametrize(("verb", "kind"), PEOPLE_MAY)
def test_a_tenants_people_may_in_their_namespace_and_in_no_other(plane, roles, verb, kind, tenant):
    people, other = DEVELOPERS.format(tenant), {"payments": "research", "research": "payments"}[tenant]
    assert _can(plane, verb, kind, f"tenant-{tenant}", group=people)
    assert not _can(plane, verb, kind, f"tenant-{other}", group=people)
    assert not _can(plane, verb, kind, "ai-gateway-prod", group=people)


@pytest.mark.parametrize(("verb", "kind"), PEOPLE_MAY_NOT)
def test_a_tenants_people_may_not_even_in_their_own_namespace(plane, roles, verb, kind):
    assert not _can(plane, verb, kind, "tenant-payments", group=DEVELOPERS.format("payments"))


def test_the_gateways_operators_read_its_traces_and_a_tenants_people_dont(plane, roles):
    assert _can(plane, "get", "ai-gateway.tempo.grafana.com/traces", "", group=OPERATORS)
    assert not _can(plane, "create", "ai-gateway.tempo.grafana.com/traces", "", group=OPERATORS)
    assert not _can(plane, "get", "ai-gateway.tempo.grafana.com/traces", "", group=DEVELOPERS.format("payments"))


def test_kubectl_gives_the_same_answers(plane, roles):
    """`kubectl auth can-i` asks with the same review; it knows only kinds that the API server has."""
    for answer, account, kind in (("yes", GATEWAY.format("prod"), "secrets"), ("no", GATEWAY.format("prod"), "pods"), ("no", SCALER, "secrets")):
        said = plane.kubectl("auth", "can-i", "list", kind, f"--as=system:serviceaccount:{account}", "-n", "ai-gateway-prod", check=False)
        assert said.stdout.split()[0] == answer


def test_every_account_and_group_that_ships_is_tried_and_every_role_both_ways(plane, roles):
    shipped = [resource for overlay in overlays() for resource in resources(overlay)] + roles
    accounts = {f"{r['metadata']['namespace']}:{r['metadata']['name']}" for r in shipped if r["kind"] == "ServiceAccount"}
    subjects = [subject for r in shipped if r["kind"] in ("RoleBinding", "ClusterRoleBinding")
                for subject in (dict(s, namespace=s.get("namespace") or r["metadata"].get("namespace")) for s in r["subjects"])]
    bound = {f"{s['namespace']}:{s['name']}" for s in subjects if s["kind"] == "ServiceAccount"}
    groups = {s["name"] for s in subjects if s["kind"] == "Group"}

    may, may_not = {row[0] for row in MAY}, {row[0] for row in MAY_NOT}
    assert {account for account in bound if not account.startswith(ELSEWHERE)} == may
    assert {account for account in accounts | bound if not account.startswith(ELSEWHERE)} <= may_not
    assert groups == {OPERATORS, DEVELOPERS.format("payments"), DEVELOPERS.format("research")}


def _can(plane, verb: str, kind: str, namespace: str, account: str = "", group: str = "") -> bool:
    """A SubjectAccessReview. `kind` is `resource.group/name/subresource`; of pods, `pods/subresource`."""
    kind, *more = kind.split("/")
    name, subresource = ("", *more) if kind == "pods" and more else (*more, "", "")[:2]
    resource, _, api_group = kind.partition(".")
    who = {"user": f"system:serviceaccount:{account}", "groups": ["system:authenticated", "system:serviceaccounts",
           f"system:serviceaccounts:{account.split(':')[0]}"]} if account else {"user": "somebody", "groups": ["system:authenticated", group]}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {**who, "resourceAttributes": {
        "verb": verb, "group": api_group, "resource": resource, "name": name, "subresource": subresource, "namespace": namespace}}}
    return json.loads(plane.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(review)).stdout)["status"]["allowed"]
