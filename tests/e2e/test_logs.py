"""What stands in no log, whatever happens: bodies, credentials, matches."""

from __future__ import annotations

import pytest

from bed import bodies, identity, raw
from providers import openai_wire, scripts

CHAT = "/v1/chat/completions"
PROMPT = "canary-of-the-prompt"
ANSWER = "canary-of-the-answer"
ADDRESS = "canary.of.the.match@example.com"
QUERY = "canary-of-the-query"
WRONG_KEY = "canary-of-a-wrong-key"
CANARIES = [PROMPT, ANSWER, ADDRESS, ADDRESS.split("@")[0], QUERY, WRONG_KEY]

KEY = ("authorization", f"Bearer {identity.key('e2e-blue')}")
BROKEN = f'{{"model":"plain-gpt","messages":[{{"role":"user","content":"{PROMPT} {ADDRESS}'.encode()
SAID = openai_wire.chat(ANSWER, "plain-gpt")

SITUATIONS = {
    "answered": (KEY, bodies.chat(f"{PROMPT} {ADDRESS} a"), scripts.json_answer(SAID), 200),
    "streamed": (KEY, bodies.chat(f"{PROMPT} {ADDRESS} b", stream=True),
                 scripts.stream(openai_wire.chat_events(ANSWER, "plain-gpt", True)), 200),
    "refused by auth": (("authorization", f"Bearer {WRONG_KEY}"), bodies.chat(f"{PROMPT} {ADDRESS} c"), None, 401),
    "not JSON": (KEY, BROKEN, None, 400),
    "an unknown model": (KEY, bodies.chat(f"{PROMPT} {ADDRESS} d", f"model-{PROMPT}"), None, 404),
    "an error of the provider": (KEY, bodies.chat(f"{PROMPT} {ADDRESS} e"),
                                 scripts.openai_error(500, message=f"{ANSWER} {ADDRESS}"), 500),
    "an answer that is no JSON": (KEY, bodies.chat(f"{PROMPT} {ADDRESS} f"), scripts.raw_answer(f'{{"{ANSWER}'.encode()), 200),
    "a translated answer that is no JSON": (KEY, bodies.chat(f"{PROMPT} {ADDRESS} g", "plain-claude"),
                                            scripts.raw_answer(f'{{"{ANSWER}'.encode()), None),
    "a stream of garbage": (KEY, bodies.chat(f"{PROMPT} {ADDRESS} h", stream=True),
                            scripts.stream([f"data: {ANSWER}\n\n".encode()]), 200),
}


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS.keys())
def test_no_log_holds_a_body_a_credential_or_a_match(gateway, providers, situation):
    header, body, script, status = situation
    if script is not None:
        providers["anthropic" if b"plain-claude" in body else "openai"].script(script)
    begin = gateway.mark()
    answer = raw.send(gateway.host_port, raw.request("POST", f"{CHAT}?key={QUERY}&q={QUERY}", [header], body))
    assert status is None or answer.status == status
    gateway.mark()  # what was answered before it has been logged
    logged = gateway.log_since(begin)
    assert '"method":"POST"' in logged
    assert [secret for secret in [*CANARIES, *identity.credentials()] if secret in logged] == []
