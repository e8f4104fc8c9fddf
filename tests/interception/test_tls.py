"""Interception with TLS: `https://` to the provider's own host, a private CA, and a key of the gateway."""

from __future__ import annotations

import pytest
from bed import identity

from conftest import by_tls, workload
from interception import direct, overlay
from interception.mesh import ADDRESS, HTTPS_PORT
from test_plain import CREDENTIAL, MODELS


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("sdk", MODELS)
def test_an_unchanged_sdk_gets_the_providers_answer(tls, providers, sdk, stream):
    text = identity.fresh("a question long enough for several events")
    answer = tls.ask(sdk, MODELS[sdk], text, stream=stream)
    assert answer["text"] == text
    assert (answer["events"] > 1) is stream
    assert len(providers[sdk].requests) == 1


@pytest.mark.parametrize("sdk", MODELS)
def test_the_provider_gets_the_gateways_key_and_not_the_workloads(tls, providers, sdk):
    tls.ask(sdk, MODELS[sdk], identity.fresh())
    arrived = providers[sdk].last
    name, form = CREDENTIAL[sdk]
    assert arrived.header(name) == form.format(identity.PROVIDER_KEYS[sdk])
    assert identity.key("e2e-blue").encode() not in b"".join(value for _, value in arrived.headers) + arrived.body


def test_the_access_log_shows_the_keys_tenant(tls, mesh, providers):
    mark = mesh.gateway.log_sizes()
    tls.ask("openai", "gpt-4.1", identity.fresh())
    entry = mesh.gateway.wait_for_entry(mark, ai_tenant="e2e-blue", authority="api.openai.com")
    assert (entry["status"], entry["path"]) == (200, "/v1/chat/completions")


@pytest.mark.parametrize("sdk", MODELS)
def test_inside_the_tunnel_the_meshs_identity_is_no_credential(tls_keyless, providers, sdk):
    """The workload is a known tenant's, and its plain calls are answered."""
    refused = tls_keyless.ask(sdk, MODELS[sdk], identity.fresh())
    assert (refused["status"], refused["exception"]) == (401, "AuthenticationError")
    assert providers[sdk].requests == []


def test_a_workload_that_does_not_trust_the_ca_does_not_send_its_request(mesh, providers):
    other = mesh.folder / "another-ca.crt"
    other.write_bytes(mesh.public.file.read_bytes())
    with workload(mesh, overlay.KNOWN, by_tls(other, identity.key("e2e-blue"))) as untrusting:
        failed = untrusting.ask("openai", "gpt-4.1", identity.fresh())
    assert failed["exception"] == "APIConnectionError"
    assert providers["openai"].requests == []


def test_a_certificate_of_the_mesh_is_no_credential_on_the_port_of_https(mesh, providers, tmp_path):
    known = mesh.identities.workload(tmp_path, overlay.KNOWN, overlay.ACCOUNT)
    answer = direct.tls(mesh.pods[overlay.KNOWN], ADDRESS, HTTPS_PORT, certificate=known)
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_key_is_no_credential_on_the_meshs_port(plain_stranger, providers):
    """Somebody's valid key, from a workload that no tenant has: the plain way asks for the mesh's identity alone."""
    assert plain_stranger.ask("openai", "gpt-4.1", identity.fresh())["status"] == 401
    assert providers["openai"].requests == []
