"""The two places that hold the access log's fields hold the same."""

from __future__ import annotations

import yaml
from bed import overlays


def test_the_mesh_and_the_gateways_own_filter_log_the_same_fields():
    filter_ = overlays.one(overlays.shipped("istio/base"), "EnvoyFilter", "access-log")
    (log,) = filter_["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["access_log"]
    own = log["typed_config"]["log_format"]["json_format"]
    assert provider("ai-gateway-json")["envoyFileAccessLog"]["logFormat"]["labels"] == own


def test_no_field_carries_a_query_a_credential_or_a_cookie():
    labels = provider("ai-gateway-json")["envoyFileAccessLog"]["logFormat"]["labels"]
    for name, value in labels.items():
        for forbidden in ("AUTHORIZATION", "API-KEY", "COOKIE", "%REQ(:PATH", "%REQ(X-ENVOY-ORIGINAL-PATH", "%PATH"):
            assert forbidden not in value.upper(), name


def test_every_provider_that_a_policy_names_is_in_the_mesh_configuration():
    known = {p["name"] for p in mesh()["extensionProviders"]}
    named = set()
    for built in (overlays.shipped("istio/overlays/prod"), overlays.with_component("istio/components/oauth2")):
        for resource in built:
            if resource["kind"] == "Telemetry":
                for part in ("accessLogging", "tracing"):
                    named |= {p["name"] for entry in resource["spec"].get(part, []) for p in entry.get("providers", [])}
            elif resource["kind"] == "AuthorizationPolicy" and resource["spec"].get("action") == "CUSTOM":
                named.add(resource["spec"]["provider"]["name"])
    assert named == {"ai-gateway-json", "ai-gateway-otel", "ai-gateway-oauth2"}
    assert named <= known


def test_istiod_lets_envoy_answer_expect_100_continue():
    istio = overlays.one(overlays.shipped("operators/instances/service-mesh"), "Istio", "default")
    assert istio["spec"]["values"]["pilot"]["env"]["ENABLE_100_CONTINUE_HEADERS"] == "false"


def mesh() -> dict:
    return overlays.one(overlays.shipped("operators/instances/service-mesh"), "Istio", "default")["spec"]["values"]["meshConfig"]


def provider(name: str) -> dict:
    return next(p for p in mesh()["extensionProviders"] if p["name"] == name)


def test_both_files_are_read_as_yaml_without_duplicate_members():
    """PyYAML keeps the last of two; kubectl refuses. A field that is written twice would hide one."""
    for file in ("istio/base/envoy-filters/access-log.yaml", "operators/instances/service-mesh/istio.yaml"):
        yaml.load((overlays.REPOSITORY / file).read_text(), Loader=_Strict)


class _Strict(yaml.SafeLoader):
    pass


def _mapping(loader, node, deep=False):
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    assert len(keys) == len(set(keys)), f"a member twice at {node.start_mark}"
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
