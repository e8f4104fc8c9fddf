"""What is compared: one row of the table for each set of filters and each kind of traffic.

Every filter needs what `auth` found out, so no filter runs without it: the cost of a filter alone is its row less
the row named by `over`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .chat import Traffic

ROUTER = frozenset({"model-router", "model-router-upstream"})
"""Both roles; Envoy's buffer belongs to them."""

AUTH = frozenset({"auth"})
CHAIN = AUTH | ROUTER | {"pii-redactor", "token-counter", "response-cache"}
BARE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    plugins: frozenset[str] | None
    """The WasmPlugins that are left in; `None` is an Envoy without Istio's configuration."""
    traffic: Traffic = Traffic()
    over: str | None = None
    """The row whose cost is taken off for the marginal cost; `bare` is the Envoy alongside."""
    repeats: bool = False
    """Answered by the cache: nothing goes upstream."""


ROWS = (
    Row("plain", "Envoy without Istio, no access log", None),
    Row("aa", "bare again (A/A: the noise)", BARE, over="bare"),
    Row("auth", "auth", AUTH, over="bare"),
    Row("pii", "auth + pii-redactor", AUTH | {"pii-redactor"}, over="auth"),
    Row("pii-address", "auth + pii-redactor, an e-mail address", AUTH | {"pii-redactor"}, Traffic(address=True),
        over="auth"),
    Row("token", "auth + token-counter", AUTH | {"token-counter"}, over="auth"),
    Row("router", "auth + model-router", AUTH | ROUTER, over="auth"),
    Row("cache", "auth + model-router + response-cache", AUTH | ROUTER | {"response-cache"}, over="router"),
    Row("chain", "whole chain, cache misses", CHAIN, over="bare"),
    Row("hits", "whole chain, cache hits", CHAIN, Traffic(same_request=True), over="bare", repeats=True),
)


def chosen(keys: list[str]) -> tuple[Row, ...]:
    """The rows of these keys and those that they are reckoned over, in the table's order."""
    by_key = {row.key: row for row in ROWS}
    wanted: set[str] = set()
    for key in keys:
        if key not in by_key:
            raise KeyError(f"no row {key}: there are {', '.join(by_key)}")
        while key in by_key and key not in wanted:
            wanted.add(key)
            key = by_key[key].over or ""
    return tuple(row for row in ROWS if row.key in wanted)
