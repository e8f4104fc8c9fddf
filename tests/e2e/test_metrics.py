"""What Prometheus reads: names, labels, and numbers that add up."""

from __future__ import annotations

import pytest

from bed import bodies, identity
from bed.deadline import eventually
from providers import scripts

CHAT = "/v1/chat/completions"
TENANT = "e2e-metered"


def grown(gateway, name: str, before: float, by: float, **labels: str) -> None:
    eventually(lambda: gateway.metrics.total(name, **labels) - before == by,
               what=f"{name}{labels} grown by {by} from {before}")


@pytest.mark.parametrize("stream", ["false", "true"])
@pytest.mark.parametrize(("model", "provider"), [("plain-gpt", "openai"), ("plain-claude", "anthropic")])
def test_requests_are_counted_by_tenant_model_provider_and_kind(gateway, clients, model, provider, stream):
    labels = {"tenant": TENANT, "model": model, "provider": provider, "streaming": stream}
    before = gateway.metrics.total("ai_requests_total", **labels)
    for _ in range(2):
        body = bodies.chat(identity.fresh(), model, stream=stream == "true")
        assert clients.http(TENANT).post(CHAT, content=body).status_code == 200
    grown(gateway, "ai_requests_total", before, 2, **labels)


def test_cost_is_counted_in_microdollars(gateway, clients):
    labels = {"tenant": TENANT, "model": "plain-gpt", "provider": "openai"}
    before = gateway.metrics.total("ai_cost_microdollars_total", **labels)
    assert clients.http(TENANT).post(CHAT, content=bodies.chat(identity.fresh())).status_code == 200
    # 8 tokens at 2 dollars a million, 3 from the provider's cache at 1, 7 of output at 3.
    grown(gateway, "ai_cost_microdollars_total", before, 8 * 2 + 3 * 1 + 7 * 3, **labels)


def test_a_model_without_a_price_costs_nothing_and_is_counted(gateway, clients):
    before = gateway.metrics.total("ai_cost_microdollars_total", model="plain-vllm")
    tokens = gateway.metrics.total("ai_tokens_total", model="plain-vllm", token_type="output")
    assert clients.http(TENANT).post(CHAT, content=bodies.chat(identity.fresh(), "plain-vllm")).status_code == 200
    grown(gateway, "ai_tokens_total", tokens, 7, model="plain-vllm", token_type="output")
    assert gateway.metrics.total("ai_cost_microdollars_total", model="plain-vllm") == before == 0


@pytest.mark.parametrize("name", ["ai_request_duration_milliseconds", "ai_time_to_first_token_milliseconds"])
def test_durations_are_histograms(gateway, clients, name):
    before = gateway.metrics.total(f"{name}_count", tenant=TENANT)
    body = bodies.chat(identity.fresh(), stream=True)
    assert clients.http(TENANT).post(CHAT, content=body).status_code == 200
    # Envoy merges histograms when it flushes its statistics, every few seconds.
    eventually(lambda: gateway.metrics.total(f"{name}_count", tenant=TENANT) > before, seconds=12, what=name)


def test_refusals_are_counted_by_filter_and_reason(gateway, clients):
    before = {name: gateway.metrics.total("ai_refusals_total", ai_filter=name) for name in ("auth", "model-router")}
    assert clients.http(None).post(CHAT, content=bodies.chat("hi")).status_code == 401
    assert clients.http(TENANT).post(CHAT, content=bodies.chat("hi", "nobody")).status_code == 404
    for name, value in before.items():
        grown(gateway, "ai_refusals_total", value, 1, ai_filter=name)
    reasons = {sample.labels["reason"] for sample in gateway.metrics.samples() if sample.name == "ai_refusals_total"}
    assert reasons and all(reason.replace("_", "").isalnum() and reason == reason.lower() for reason in reasons)


def test_fallbacks_are_counted_by_both_providers_and_a_reason(gateway, clients, openai_provider):
    labels = {"provider": "openai", "fallback_to": "vllm"}
    before = gateway.metrics.total("ai_fallbacks_total", **labels)
    openai_provider.script(scripts.openai_error(503))
    assert clients.http(TENANT).post(CHAT, content=bodies.chat(identity.fresh(), "safe-gpt")).status_code == 200
    grown(gateway, "ai_fallbacks_total", before, 1, **labels)
    found = [sample for sample in gateway.metrics.samples() if sample.name == "ai_fallbacks_total"]
    assert all(sample.labels["reason"] for sample in found)


def test_a_label_holds_only_configured_names(gateway, clients):
    hostile = 'x";.;tenant=.=other;.;\\n'
    for model in (hostile, "m" * 500, "provider=.=x;.;"):
        assert clients.http(TENANT).post(CHAT, content=bodies.chat("hi", model)).status_code == 404
    own = [sample for sample in gateway.metrics.samples() if sample.name.startswith("ai_")]
    assert own
    for sample in own:
        assert sample.labels.get("tenant", "") in {*identity.TENANTS, "team-a", "team-b", "tiny", "none", ""}
        assert all(len(value) < 64 and ";" not in value and "=" not in value for value in sample.labels.values())
        assert ";" not in sample.name and "." not in sample.name


def test_no_metric_is_left_in_envoys_own_spelling(gateway, clients):
    assert clients.http(TENANT).post(CHAT, content=bodies.chat(identity.fresh())).status_code == 200
    eventually(lambda: "ai_requests_total" in gateway.metrics.names(), what="ai_requests_total")
    assert [name for name in gateway.metrics.names() if "wasmcustom" in name or "tenant_" in name] == []
