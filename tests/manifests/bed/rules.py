"""The rules of this repository for what it ships, each a function that names what breaks it.

A rule gets built resources and gives findings: the resource, the path inside
it, what is wrong. Checks that a public tool has (kube-score, the API server's
own) aren't repeated here.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .overlays import identity


@dataclass(frozen=True)
class Finding:
    rule: str
    resource: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.resource}: {self.path}: {self.what} ({self.rule})"


RULES: list[Callable[[Iterable[dict]], Iterator[Finding]]] = []


def rule(check):
    """Lists a check under its name, which its findings carry."""

    def named(resources: Iterable[dict]) -> Iterator[Finding]:
        for resource, path, what in check(list(resources)):
            yield Finding(check.__name__, identity(resource), path, what)

    named.__name__ = check.__name__
    named.__doc__ = check.__doc__
    RULES.append(named)
    return named


def findings(resources: Iterable[dict]) -> list[Finding]:
    resources = list(resources)
    return [finding for check in RULES for finding in check(resources)]


# --- pods ----------------------------------------------------------------------------------------

WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"}


def pod_specs(resources: Iterable[dict]) -> Iterator[tuple[dict, str, dict]]:
    """Every pod that a resource makes: the resource, the path of the pod's spec, the spec."""
    for resource in resources:
        if resource["kind"] == "Pod":
            yield resource, "spec", resource["spec"]
        elif resource["kind"] == "CronJob":
            yield resource, "spec.jobTemplate.spec.template.spec", resource["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        elif resource["kind"] in WORKLOADS:
            yield resource, "spec.template.spec", resource["spec"]["template"]["spec"]


def containers(resources: Iterable[dict]) -> Iterator[tuple[dict, str, dict, dict]]:
    """Every container: the resource, its path, the container, the pod's spec."""
    for resource, path, spec in pod_specs(resources):
        for group in ("initContainers", "containers"):
            for container in spec.get(group, []):
                yield resource, f"{path}.{group}[{container['name']}]", container, spec


@rule
def no_pod_names_its_user(resources):
    """restricted-v2 gives each namespace a range of user ids; a number of one's own is outside of it."""
    for resource, path, spec in pod_specs(resources):
        for field in ("runAsUser", "runAsGroup", "fsGroup"):
            if field in spec.get("securityContext", {}):
                yield resource, f"{path}.securityContext.{field}", "is the namespace's to give"
    for resource, path, container, _ in containers(resources):
        for field in ("runAsUser", "runAsGroup"):
            if field in container.get("securityContext", {}):
                yield resource, f"{path}.securityContext.{field}", "is the namespace's to give"


@rule
def every_container_is_restricted(resources):
    """What the pod-security level `restricted` and the SCC restricted-v2 ask for, and a read-only root."""
    for resource, path, container, pod in containers(resources):
        own, whole = container.get("securityContext", {}), pod.get("securityContext", {})
        wanted = {
            "allowPrivilegeEscalation": (own.get("allowPrivilegeEscalation"), False),
            "readOnlyRootFilesystem": (own.get("readOnlyRootFilesystem"), True),
            "privileged": (own.get("privileged", False), False),
            "capabilities.drop": (own.get("capabilities", {}).get("drop"), ["ALL"]),
            "capabilities.add": (own.get("capabilities", {}).get("add"), None),
            "runAsNonRoot": (own.get("runAsNonRoot", whole.get("runAsNonRoot")), True),
            "seccompProfile.type": (own.get("seccompProfile", whole.get("seccompProfile", {})).get("type"), "RuntimeDefault"),
        }
        for field, (is_, must_be) in wanted.items():
            if is_ != must_be:
                yield resource, f"{path}.securityContext.{field}", f"is {is_!r} and must be {must_be!r}"
    for resource, path, spec in pod_specs(resources):
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(field):
                yield resource, f"{path}.{field}", "a pod is no part of its node"
        for volume in spec.get("volumes", []):
            if "hostPath" in volume:
                yield resource, f"{path}.volumes[{volume['name']}].hostPath", "a pod is no part of its node"


@rule
def no_pod_gets_an_api_token_unasked(resources):
    """A pod that asks the Kubernetes API says so in itself; every other has no token to lose."""
    accounts = {r["metadata"]["name"]: r for r in resources if r["kind"] == "ServiceAccount"}
    for resource, path, spec in pod_specs(resources):
        account = accounts.get(spec.get("serviceAccountName", "default"), {})
        if "automountServiceAccountToken" not in spec and account.get("automountServiceAccountToken") is not False:
            yield resource, f"{path}.automountServiceAccountToken", "isn't said, here or at the service account"


@rule
def every_image_is_a_definite_one(resources):
    """A tag that says a version, or a digest. `auto` is the injected proxy's, which the control plane fills in."""
    for resource, path, container, _ in containers(resources):
        if container["image"] != "auto" and not _definite(container["image"]):
            yield resource, f"{path}.image", f"{container['image']} may be another one tomorrow"
    for resource in resources:
        if resource["kind"] == "WasmPlugin" and not _definite(resource["spec"]["url"]):
            yield resource, "spec.url", f"{resource['spec']['url']} may be another one tomorrow"


def _definite(image: str) -> bool:
    if re.search(r"@sha256:[0-9a-f]{64}$", image):
        return True
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    return bool(tag) and tag not in ("latest", "stable", "main", "master", "edge")


@rule
def every_container_says_what_it_needs(resources):
    """Requests and limits for cpu, memory and the node's disk."""
    for resource, path, container, _ in containers(resources):
        for kind in ("requests", "limits"):
            for what in ("cpu", "memory", "ephemeral-storage"):
                if what not in container.get("resources", {}).get(kind, {}):
                    yield resource, f"{path}.resources.{kind}.{what}", "isn't said"


@rule
def every_serving_container_has_probes(resources):
    """What runs for good and listens says when it is ready and when it hangs."""
    for resource, path, container, _ in containers(resources):
        if resource["kind"] in ("Job", "CronJob") or not container.get("ports") or ".initContainers" in path:
            continue
        for probe in ("readinessProbe", "livenessProbe"):
            if probe not in container:
                yield resource, f"{path}.{probe}", "isn't there"


# --- names and secrets -------------------------------------------------------------------------------

CLUSTER_SCOPED = {
    "Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass", "ClusterIssuer",
    "ClusterSecretStore", "Istio", "IstioCNI", "ConsoleLink", "ConsolePlugin", "UIPlugin", "SecurityContextConstraints",
    "OAuthClient", "Console", "ClusterTriggerAuthentication",
    "StorageClass", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
}


@rule
def every_resource_says_its_namespace(resources):
    """What is applied with `-k` lands where the file says, not where the terminal happens to be."""
    for resource in resources:
        named = "namespace" in resource["metadata"]
        if resource["kind"] in CLUSTER_SCOPED:
            if named:
                yield resource, "metadata.namespace", "a resource of the whole cluster has none"
        elif not named:
            yield resource, "metadata.namespace", "isn't said"


GATEWAY_NAMESPACE = re.compile(r"\bai-gateway(?:-dev|-prod)?(?=\.(?:svc|auth|pii|token|model|response))")


@rule
def every_name_inside_a_patch_is_of_this_namespace(resources):
    """kustomize rewrites `metadata.namespace` and nothing else: names of plugins in a chain, hosts of Services."""
    for resource in resources:
        own = resource["metadata"].get("namespace")
        if resource["kind"] not in ("EnvoyFilter", "VirtualService", "DestinationRule", "ServiceEntry"):
            continue
        for path, text in _texts(resource.get("spec", {}), "spec"):
            for other in GATEWAY_NAMESPACE.findall(text):
                if other != own:
                    yield resource, path, f"names namespace {other}, and this is {own}: the patch would do nothing"


@rule
def no_secret_is_in_clear_text(resources):
    """A Secret with a value is a generator's of development, and says `fake` in each value."""
    for resource in resources:
        if resource["kind"] != "Secret":
            continue
        for key, value in {**resource.get("data", {}), **resource.get("stringData", {})}.items():
            if "fake" not in _decoded(value):
                yield resource, f"data.{key}", "a value that isn't clearly fake has no place in a repository"


SECRET_NAME = re.compile(r"(?:^|_)(?:KEYS?|TOKENS?|SECRETS?|PASSWORDS?|CREDENTIALS?)$", re.I)
SECRET_VALUE = re.compile(r"\bsk-[\w-]{6,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bBearer [\w.~+/-]{8,}|\bAKIA[0-9A-Z]{16}\b")


@rule
def no_secret_is_in_a_configmap_or_written_into_an_environment(resources):
    """A container takes secrets by reference; in the environment's place of a value, or in a ConfigMap, anybody reads them."""
    for resource in resources:
        if resource["kind"] == "ConfigMap":
            for key, value in resource.get("data", {}).items():
                if _is_secret(key, value):
                    yield resource, f"data.{key}", "what looks like a secret has no place in a ConfigMap"
    for resource, path, container, _ in containers(resources):
        for variable in container.get("env", []):
            if _is_secret(variable["name"], variable.get("value", "")):
                yield resource, f"{path}.env[{variable['name']}].value", "a secret comes by valueFrom.secretKeyRef"


def _is_secret(name: str, value: str) -> bool:
    return bool(value) and bool(SECRET_NAME.search(name) or SECRET_VALUE.search(value))


def _decoded(value: str) -> str:
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


@rule
def no_role_is_a_wildcard(resources):
    """Roles name what they allow; nobody here binds cluster-admin."""
    for resource in resources:
        if resource["kind"] in ("Role", "ClusterRole"):
            for i, allowed in enumerate(resource.get("rules") or []):
                for field in ("verbs", "resources", "apiGroups"):
                    if "*" in allowed.get(field, []):
                        yield resource, f"rules[{i}].{field}", "is a wildcard"
        elif resource["kind"] in ("RoleBinding", "ClusterRoleBinding") and resource["roleRef"]["name"] in ("cluster-admin", "admin"):
            yield resource, "roleRef.name", f"binds {resource['roleRef']['name']}"


# --- the mesh ------------------------------------------------------------------------------------------

@rule
def every_policy_selects_the_gateway(resources):
    """A policy, plugin or patch without a selector would hold for every workload of its namespace."""
    for resource in resources:
        if resource["kind"] in ("AuthorizationPolicy", "WasmPlugin"):
            selector = resource["spec"].get("selector", {}).get("matchLabels")
        elif resource["kind"] == "EnvoyFilter":
            selector = resource["spec"].get("workloadSelector", {}).get("labels")
        else:
            continue
        if not selector:
            yield resource, "spec.selector", "selects every workload of the namespace"


@rule
def every_plugin_fails_closed(resources):
    """A dead VM answers 503 until it is back; it never lets a request pass ungoverned."""
    for resource in resources:
        if resource["kind"] == "WasmPlugin" and resource["spec"].get("failStrategy") not in ("FAIL_RELOAD", "FAIL_CLOSE"):
            yield resource, "spec.failStrategy", f"is {resource['spec'].get('failStrategy')!r}"


@rule
def only_auth_judges_a_token(resources):
    """Two judges of one token disagree one day."""
    for resource in resources:
        if resource["kind"] == "RequestAuthentication":
            yield resource, "kind", "JWTs are the `auth` filter's to judge on the gateway's hosts"


SUPPRESSED = {("EnvoyFilter", "IST0133"), ("Namespace", "IST0102"), ("Deployment", "IST0135")}
"""That an EnvoyFilter is one; that a namespace isn't in the mesh; that the filters' metrics have their labels by an annotation."""


@rule
def no_other_warning_is_suppressed(resources):
    """`istioctl analyze` is silenced for what is said of a kind whatever is in it, and for nothing else."""
    for resource in resources:
        template = resource.get("spec", {}).get("template", {}).get("metadata", {}) if resource["kind"] in WORKLOADS else {}
        for path, metadata in (("metadata", resource["metadata"]), ("spec.template.metadata", template)):
            suppressed = metadata.get("annotations", {}).get("galley.istio.io/analyze-suppress")
            if suppressed and (resource["kind"], suppressed) not in SUPPRESSED:
                yield resource, f"{path}.annotations", f"suppresses {suppressed}"


@rule
def tls_to_a_provider_is_verified(resources):
    """TLS that the gateway starts checks the name in the certificate against a CA."""
    for resource in resources:
        if resource["kind"] != "DestinationRule":
            continue
        tls = resource["spec"].get("trafficPolicy", {}).get("tls", {})
        if tls.get("mode") not in ("SIMPLE", "MUTUAL"):
            continue
        if tls.get("insecureSkipVerify"):
            yield resource, "spec.trafficPolicy.tls.insecureSkipVerify", "trusts anybody"
        for field in ("subjectAltNames", "sni"):
            if not tls.get(field):
                yield resource, f"spec.trafficPolicy.tls.{field}", "isn't said, so any name of the CA's would do"
        if not (tls.get("caCertificates") or tls.get("credentialName")):
            yield resource, "spec.trafficPolicy.tls.caCertificates", "isn't said, so nothing is verified"


@rule
def every_provider_is_whole(resources):
    """A provider is a ServiceEntry, a DestinationRule, a VirtualService, the headers' patch and the router's entry."""
    routers = [r for r in resources if r["kind"] == "WasmPlugin" and r["metadata"]["name"] == "model-router"]
    if not routers:
        return
    entries = {h for r in resources if r["kind"] == "ServiceEntry" for h in r["spec"]["hosts"]}
    rules = {r["spec"]["host"] for r in resources if r["kind"] == "DestinationRule"}
    routes = {header["exact"] for r in resources if r["kind"] == "VirtualService" for http in r["spec"].get("http", [])
              for match in http.get("match", []) if (header := match.get("headers", {}).get("x-ai-provider"))}
    stripped = {patch.get("match", {}).get("cluster", {}).get("service") for r in resources if r["kind"] == "EnvoyFilter"
                for patch in r["spec"]["configPatches"] if patch["applyTo"] == "CLUSTER"}
    for router in routers:
        for name, provider in router["spec"]["pluginConfig"]["providers"].items():
            host, path = provider["host"], f"spec.pluginConfig.providers.{name}"
            if host not in entries:
                yield router, path, f"no ServiceEntry has {host}"
            if host not in rules:
                yield router, path, f"no DestinationRule is for {host}"
            if name not in routes:
                yield router, path, f"no VirtualService routes x-ai-provider: {name}"
            if host not in stripped:
                yield router, path, f"no EnvoyFilter takes the mesh's headers from what goes to {host}"


@rule
def every_tenant_has_a_plan(resources):
    """What names a tenant or a plan in one plugin is known to the other."""
    by_name = {r["metadata"]["name"]: r for r in resources if r["kind"] == "WasmPlugin"}
    if not {"auth", "token-counter"} <= by_name.keys():
        return
    auth, counter = by_name["auth"], by_name["token-counter"]
    tenants = auth["spec"]["pluginConfig"].get("tenants", {})
    plans = counter["spec"]["pluginConfig"].get("plans", {})
    for name, tenant in tenants.items():
        if tenant.get("plan") not in plans:
            yield auth, f"spec.pluginConfig.tenants.{name}.plan", f"token-counter has no plan {tenant.get('plan')}"
    for name, key in auth["spec"]["pluginConfig"].get("keys", {}).items():
        if key["tenant"] not in tenants:
            yield auth, f"spec.pluginConfig.keys.{name}.tenant", f"there is no tenant {key['tenant']}"
    for name in counter["spec"]["pluginConfig"].get("tenants", {}):
        if name not in tenants:
            yield counter, f"spec.pluginConfig.tenants.{name}", "auth has no such tenant: a limit for nobody"


# --- the chain -------------------------------------------------------------------------------------------

CHAIN = {
    "auth": ("AUTHN", None), "pii-redactor": ("STATS", 40), "token-counter": ("STATS", 30), "model-router": ("STATS", 20),
    "response-cache": ("STATS", 10), "model-router-upstream": (None, None),
}
"""Phase and priority of each plugin: docs/architecture.md says why they stand so."""

LEFT_OUT = {"pii-redactor", "token-counter", "response-cache"}
"""What an overlay may do without."""


@rule
def every_plugin_stands_in_its_place(resources):
    """Another phase or priority is another order: a limit that counts what was refused, a cache with originals in it."""
    for resource in resources:
        if resource["kind"] == "WasmPlugin" and resource["metadata"]["name"] in CHAIN:
            phase, priority = CHAIN[resource["metadata"]["name"]]
            for field, must_be in (("phase", phase), ("priority", priority)):
                if resource["spec"].get(field) != must_be:
                    yield resource, f"spec.{field}", f"is {resource['spec'].get(field)!r} and must be {must_be!r}"


@rule
def no_plugin_of_the_chain_is_missing(resources):
    """Without `auth` nobody is known, without one half of the router nothing leaves; a patch needs the plugin it names."""
    present = {r["metadata"]["name"] for r in resources if r["kind"] == "WasmPlugin"}
    if not present:
        return
    for missing in CHAIN.keys() - LEFT_OUT - present:
        anchor = next(r for r in resources if r["kind"] == "WasmPlugin")
        yield anchor, "metadata.name", f"stands in a chain without {missing}"
    for resource in resources:
        if resource["kind"] != "EnvoyFilter":
            continue
        for path, text in _texts(resource["spec"], "spec"):
            if named := re.search(r"extensions\.istio\.io/(?:wasmplugin|trafficextension)/[a-z0-9-]+\.([a-z0-9-]+)", text):
                if named[1] not in present:
                    yield resource, path, f"names the plugin {named[1]}, which isn't there: the patch would do nothing"


@rule
def every_model_can_be_routed(resources):
    """A model names a provider that the router has; what a tenant may use is a model that is served."""
    by_name = {r["metadata"]["name"]: r for r in resources if r["kind"] == "WasmPlugin"}
    router, auth = by_name.get("model-router"), by_name.get("auth")
    if not router:
        return
    config = router["spec"]["pluginConfig"]
    models = config.get("models", {})
    for name, model in models.items():
        if model["provider"] not in config["providers"]:
            yield router, f"spec.pluginConfig.models.{name}.provider", f"there is no provider {model['provider']}"
        fallback = model.get("fallback")
        if fallback and fallback["provider"] not in config["providers"]:
            yield router, f"spec.pluginConfig.models.{name}.fallback.provider", f"there is no provider {fallback['provider']}"
    for name, tenant in (auth["spec"]["pluginConfig"].get("tenants", {}) if auth else {}).items():
        for i, pattern in enumerate(tenant.get("models", [])):
            if not any(fnmatch.fnmatchcase(model, pattern) for model in models):
                yield auth, f"spec.pluginConfig.tenants.{name}.models[{i}]", f"no model that is served is {pattern}"


def _texts(value, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{i}]")
