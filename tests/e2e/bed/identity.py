"""Who calls in the tests: one tenant for each thing that must not disturb another.

Keys are made up here and stand in the overlay only as their SHA-256. The
provider keys are what the gateway's Secret would hold.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets

_RUN = secrets.token_hex(8)

OPEN_PLAN = "e2e-open"
TWO_REQUESTS_PLAN = "e2e-two-requests"
FEW_TOKENS_PLAN = "e2e-few-tokens"

PLANS = {
    OPEN_PLAN: {"requestsPerMinute": 1_000_000, "tokensPerMinute": 1_000_000_000},
    TWO_REQUESTS_PLAN: {"requestsPerMinute": 2, "tokensPerMinute": 1_000_000_000},
    FEW_TOKENS_PLAN: {"requestsPerMinute": 1_000_000, "tokensPerMinute": 400},
}

TENANTS = {
    "e2e-blue": {"plan": OPEN_PLAN, "models": ["*"]},
    "e2e-green": {"plan": OPEN_PLAN, "models": ["*"]},
    "e2e-probe": {"plan": OPEN_PLAN, "models": ["*"]},
    "e2e-metered": {"plan": OPEN_PLAN, "models": ["*"]},
    "e2e-narrow": {"plan": OPEN_PLAN, "models": ["plain-*"]},
    # The examples ask the same questions each time: with tenants of their own, nobody's cache answers.
    **{f"e2e-{language}": {"plan": OPEN_PLAN, "models": ["*"]} for language in ("curl", "python", "nodejs")},
    **{f"e2e-two-{n}": {"plan": TWO_REQUESTS_PLAN, "models": ["*"]} for n in range(7)},
    **{f"e2e-few-{n}": {"plan": FEW_TOKENS_PLAN, "models": ["*"]} for n in range(4)},
}

PROVIDER_KEYS = {name: f"sk-provider-{name}-{_RUN}" for name in ("openai", "anthropic", "vllm")}

_counter = itertools.count()


def key(tenant: str) -> str:
    """The API key of a tenant, made anew in each run."""
    if tenant not in TENANTS:
        raise KeyError(tenant)
    return f"gw-{tenant}-{_RUN}"


def key_sha256(tenant: str) -> str:
    return hashlib.sha256(key(tenant).encode()).hexdigest()


def credentials() -> list[str]:
    """Everything that must never stand in a log or in a test's output."""
    return [*(key(tenant) for tenant in TENANTS), *PROVIDER_KEYS.values()]


def scrubbed(text: str) -> str:
    """The text without credentials, fit for a test's output."""
    for credential in credentials():
        text = text.replace(credential, "<credential>")
    return text


def fresh(text: str = "question") -> str:
    """A text that no earlier request carried, so that no cached answer comes back."""
    return f"{text} {next(_counter)}-{_RUN}"
