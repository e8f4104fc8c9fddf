"""Traffic that moves every statistic which needs no broken machine: all APIs, streams, refusals, provider errors,
fallbacks, cut answers, cache hits, limits."""

from __future__ import annotations

import contextlib

import httpx

from bed import bodies, identity
from bed.gateway import Gateway
from providers import openai_wire, scripts
from providers.scripted import ScriptedProvider

CHAT = "/v1/chat/completions"
TENANT = "e2e-metered"


class Traffic:
    def __init__(self, gateway: Gateway, providers: dict[str, ScriptedProvider]):
        self._gateway, self._providers = gateway, providers
        self._client = httpx.Client(base_url=gateway.url, timeout=20, verify=False)

    def close(self) -> None:
        self._client.close()

    def once(self) -> None:
        """Each kind of request, so that each series exists; the second time it has also moved."""
        self.well()
        self._refused()
        self._provider_fails()
        self._ends_early()

    def well(self) -> None:
        """Answered requests to every provider, streamed and not, and one that the cache answers."""
        for model in ("plain-gpt", "plain-claude", "alias-gpt", "plain-vllm"):
            for stream in (False, True):
                text = identity.fresh("write to ann@example.com")
                assert self._chat(bodies.chat(text, model, stream=stream)) == 200
        for _ in range(2):
            assert self._chat(bodies.chat("the same question")) == 200

    def status(self) -> int:
        """Of one more call."""
        return self._chat(bodies.chat(identity.fresh()))

    def _refused(self) -> None:
        assert self._chat(bodies.chat("hi"), tenant=None) == 401
        assert self._chat(bodies.chat("hi", "nobody")) == 404
        statuses = [self._chat(bodies.chat(identity.fresh()), tenant="e2e-two-0") for _ in range(3)]
        assert 429 in statuses

    def _provider_fails(self) -> None:
        for status in (500, 429, 401):
            self._providers["openai"].script(scripts.openai_error(status))
            assert self._chat(bodies.chat(identity.fresh())) >= 400
        self._providers["openai"].script(scripts.openai_error(503))
        assert self._chat(bodies.chat(identity.fresh(), "safe-gpt")) == 200
        with self._providers["vllm"].refusing():
            assert self._chat(bodies.chat(identity.fresh(), "plain-vllm")) == 503

    def _ends_early(self) -> None:
        events = openai_wire.chat_events("half of it", "plain-gpt", False)[:2]
        self._providers["openai"].script(scripts.cut(events, "reset"))
        with contextlib.suppress(httpx.HTTPError):
            self._chat(bodies.chat(identity.fresh(), stream=True))

    def _chat(self, body: bytes, tenant: str | None = TENANT) -> int:
        headers = {"authorization": f"Bearer {identity.key(tenant)}"} if tenant else {}
        return self._client.post(CHAT, content=body, headers=headers).status_code
