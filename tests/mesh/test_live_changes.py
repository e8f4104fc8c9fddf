"""Somebody edits a resource with kubectl while calls run: it takes effect, and no call fails."""

from __future__ import annotations

import json

import pytest

from bed import identity
from bed.deadline import eventually
from bed.gateway import MODULES

from mesh import newcomer
from mesh.calls import ask, client, status_of, steady_calls

EFFECT_SECONDS = 20.0


@pytest.fixture
def patch(plane, live):
    """Patches a resource of the gateway's namespace; afterwards it is as it was."""
    touched: dict[tuple[str, str], dict] = {}

    def change(kind: str, name: str, merge: dict) -> None:
        touched.setdefault((kind, name), plane.get(kind, name, "-n", live.namespace)["spec"])
        plane.kubectl("patch", kind, name, "-n", live.namespace, "--type=merge", "-p", json.dumps(merge))

    yield change
    for (kind, name), spec in touched.items():
        plane.kubectl("patch", kind, name, "-n", live.namespace, "--type=json",
                      "-p", json.dumps([{"op": "replace", "path": "/spec", "value": spec}]))


def test_a_call_of_the_official_sdk_passes_through_the_envoy_that_istiod_configured(gateway, providers):
    before = len(providers["openai"].requests)

    assert ask(client(gateway, "e2e-blue"))

    assert len(providers["openai"].requests) == before + 1


def test_the_gateways_of_other_namespaces_open_nothing_on_this_one(gateway):
    assert gateway.listeners() == {gateway.address}


def test_a_revoked_key_is_refused_while_the_calls_of_others_go_on(gateway, patch):
    revoked = client(gateway, "e2e-green")
    assert status_of(revoked) == 200

    with steady_calls(gateway):
        patch("wasmplugin", "auth", {"spec": {"pluginConfig": {"keys": {"e2e-green-key": None}}}})
        eventually(lambda: status_of(revoked) == 401, EFFECT_SECONDS, "the revoked key's refusal")


def test_a_raised_limit_lets_a_tenant_on_while_calls_run(gateway, patch):
    spent = client(gateway, "e2e-two-0")
    eventually(lambda: status_of(spent) == 429, EFFECT_SECONDS, "the limit of two requests a minute")

    with steady_calls(gateway):
        patch("wasmplugin", "token-counter", {"spec": {"pluginConfig": {"plans": {"e2e-two-requests": {"requestsPerMinute": 1_000_000}}}}})
        eventually(lambda: status_of(spent) == 200, EFFECT_SECONDS, "the raised limit")


def test_a_new_provider_with_its_route_and_model_answers_while_calls_run(plane, gateway, live, providers, patch, tmp_path):
    asking = client(gateway, "e2e-blue")
    assert status_of(asking, newcomer.MODEL) == 404

    with steady_calls(gateway):
        plane.kubectl("apply", "--validate=strict", "-k", newcomer.overlay(tmp_path / "newcomer", live))
        patch("wasmplugin", "model-router", {"spec": {"pluginConfig": newcomer.ROUTER}})
        eventually(lambda: status_of(asking, newcomer.MODEL) == 200, EFFECT_SECONDS, "an answer of the new provider")
    assert providers["newcomer"].requests


def test_another_version_of_a_filter_takes_over_while_calls_run(gateway, patch, tmp_path):
    module = tmp_path / "pii-redactor-next.wasm"
    # A custom section makes it another module with the same behaviour.
    module.write_bytes((MODULES / "pii-redactor.wasm").read_bytes() + b"\x00\x05\x04next")

    with steady_calls(gateway):
        patch("wasmplugin", "pii-redactor", {"spec": {"url": f"file://{module}"}})
        eventually(lambda: str(module) in gateway.config_dump(), EFFECT_SECONDS, "the new module")


@pytest.mark.parametrize(("plugin", "configuration"), [
    ("auth", {"hosts": "none"}),
    ("token-counter", {"plans": {"standard": {"requestsPerMinute": -1}}}),
    ("model-router", {"models": {"plain-gpt": {"provider": "nobody"}}}),
    ("pii-redactor", {"unheardOf": True}),
    ("response-cache", {"unheardOf": True}),
])
def test_the_last_good_configuration_serves_on_when_a_filter_refuses_one(gateway, patch, plugin, configuration):
    before = gateway.refusals(plugin)

    with steady_calls(gateway) as calls:
        patch("wasmplugin", plugin, {"spec": {"pluginConfig": configuration}})
        eventually(lambda: gateway.refusals(plugin) > before, EFFECT_SECONDS, "the refusal in the gateway's log")
        calls.go_on(100)


def test_calls_go_on_while_istiod_is_away_and_changes_come_again_when_it_is_back(plane, gateway, patch):
    changed = client(gateway, "e2e-green")

    with steady_calls(gateway) as calls:
        plane.istiod.pause()
        try:
            calls.go_on()
        finally:
            plane.istiod.resume()
        patch("wasmplugin", "auth", {"spec": {"pluginConfig": {"keys": {"e2e-green-key": None}}}})
        eventually(lambda: status_of(changed) == 401, EFFECT_SECONDS, "the change")
