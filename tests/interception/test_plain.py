"""Plain interception: `http://` to the provider's own host, and the mesh's identity as the credential."""

from __future__ import annotations

import pytest
from bed import identity

from conftest import PLACEHOLDER
from interception import direct, overlay
from interception.identities import MeshAuthority
from interception.mesh import ADDRESS, HOSTS, MESH_PORT

MODELS = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-6"}
CREDENTIAL = {"openai": ("authorization", "Bearer {}"), "anthropic": ("x-api-key", "{}")}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("sdk", MODELS)
def test_an_unchanged_sdk_gets_the_providers_answer(plain, providers, sdk, stream):
    text = identity.fresh("a question long enough for several events")
    answer = plain.ask(sdk, MODELS[sdk], text, stream=stream)
    assert answer["text"] == text
    assert (answer["events"] > 1) is stream
    assert len(providers[sdk].requests) == 1


@pytest.mark.parametrize("sdk", MODELS)
def test_the_provider_gets_the_gateways_key_and_not_the_workloads(plain, providers, sdk):
    plain.ask(sdk, MODELS[sdk], identity.fresh())
    arrived = providers[sdk].last
    name, form = CREDENTIAL[sdk]
    assert arrived.header(name) == form.format(identity.PROVIDER_KEYS[sdk])
    assert arrived.header("host") == HOSTS[sdk]
    assert PLACEHOLDER.encode() not in b"".join(value for _, value in arrived.headers) + arrived.body


def test_the_provider_learns_nothing_of_the_mesh(plain, providers):
    plain.ask("openai", "gpt-4.1", identity.fresh())
    arrived = providers["openai"].last
    told = b" ".join(name + b" " + value for name, value in arrived.headers).lower()
    for word in (b"spiffe", b"10.244.", b"svc.cluster.local", b"tenant-payments", b"x-forwarded", b"x-envoy"):
        assert word not in told


def test_tls_to_the_provider_starts_at_the_gateway_with_its_name(plain, mesh, providers):
    plain.ask("openai", "gpt-4.1", identity.fresh())
    assert set(mesh.fronts["api.openai.com"].names) == {"api.openai.com"}


def test_the_access_log_shows_the_tenant_and_the_workload(plain, mesh, providers):
    mark = mesh.gateway.log_sizes()
    plain.ask("openai", "gpt-4.1", identity.fresh())
    entry = mesh.gateway.wait_for_entry(mark, ai_tenant=overlay.TENANT, authority="api.openai.com")
    assert entry["ai_user"] == f"{overlay.KNOWN}/{overlay.ACCOUNT}"
    assert (entry["status"], entry["path"]) == (200, "/v1/chat/completions")
    assert PLACEHOLDER not in str(entry)


def test_the_tenants_models_hold_as_for_its_keys(plain, providers):
    refused = plain.ask("openai", "text-embedding-3-small", identity.fresh())
    assert (refused["status"], refused["exception"]) == (403, "PermissionDeniedError")
    assert providers["openai"].requests == []


@pytest.mark.parametrize("sdk", MODELS)
def test_a_workload_that_no_tenant_has_is_refused_in_its_apis_shape(plain_stranger, providers, sdk):
    refused = plain_stranger.ask(sdk, MODELS[sdk], identity.fresh())
    assert (refused["status"], refused["exception"]) == (401, "AuthenticationError")
    said = refused["body"]["error"] if sdk == "anthropic" else refused["body"]
    assert said["type"] == "authentication_error" and said["message"], said
    assert all(provider.requests == [] for provider in providers.values())


def test_the_sidecar_accepts_no_one_but_the_gateways_service_account(mesh):
    (cluster,) = [c for c in mesh.sidecars[overlay.KNOWN].clusters() if c["name"].startswith("outbound|15443||ai-gateway-mesh.")]
    context = cluster["transport_socket"]["typed_config"]["common_tls_context"]["combined_validation_context"]
    names = context["default_validation_context"]["match_subject_alt_names"]
    assert names == [{"exact": "spiffe://cluster.local/ns/ai-gateway-prod/sa/ai-gateway"}]


# --- who isn't let in at the gateway's port ---------------------------------------------------------

def test_a_plain_call_to_the_meshs_port_is_refused(mesh, providers):
    assert direct.plain(mesh.pods[overlay.KNOWN], ADDRESS, MESH_PORT) == b""


def test_tls_without_a_certificate_is_refused(mesh, providers):
    with pytest.raises(direct.Refused):
        direct.tls(mesh.pods[overlay.KNOWN], ADDRESS, MESH_PORT)


def test_a_certificate_of_another_mesh_is_refused(mesh, providers, tmp_path):
    forged = MeshAuthority().workload(tmp_path, overlay.KNOWN, overlay.ACCOUNT)
    with pytest.raises(direct.Refused):
        direct.tls(mesh.pods[overlay.KNOWN], ADDRESS, MESH_PORT, certificate=forged)


def test_a_forwarded_certificate_in_a_header_makes_nobody_known(mesh, providers, tmp_path):
    """A workload of another namespace, with a real certificate of its own, writes the header that names another."""
    stranger = mesh.identities.workload(tmp_path, overlay.UNKNOWN, overlay.ACCOUNT)
    said = direct.tls(mesh.pods[overlay.UNKNOWN], ADDRESS, MESH_PORT, certificate=stranger, headers={
        "x-forwarded-client-cert": f"URI=spiffe://cluster.local/ns/{overlay.KNOWN}/sa/{overlay.ACCOUNT}"})
    assert said.startswith(b"HTTP/1.1 401 ")


def test_the_same_call_with_the_tenants_certificate_is_answered(mesh, providers, tmp_path):
    """What the three before differ from."""
    known = mesh.identities.workload(tmp_path, overlay.KNOWN, overlay.ACCOUNT)
    assert direct.tls(mesh.pods[overlay.KNOWN], ADDRESS, MESH_PORT, certificate=known).startswith(b"HTTP/1.1 200 ")
