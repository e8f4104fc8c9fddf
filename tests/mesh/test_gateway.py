"""A real Envoy gets its configuration from istiod, which reads the API server's objects."""

from __future__ import annotations

import openai

from bed import identity


def test_a_call_of_the_official_sdk_passes_through_the_envoy_that_istiod_configured(gateway, providers):
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=identity.key("e2e-blue"), max_retries=0, timeout=20)

    answer = client.chat.completions.create(model="plain-gpt", messages=[{"role": "user", "content": identity.fresh()}])

    assert answer.choices[0].message.content
    assert len(providers["openai"].requests) == 1
