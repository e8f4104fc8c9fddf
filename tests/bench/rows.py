"""What is compared: one row of the table for each set of filters and each kind of traffic.

Every filter needs what `auth` found out, so no filter runs without it: the cost of a filter alone is its row less
the row named by `over`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .chat import Credential, Traffic

ROUTER = frozenset({"model-router", "model-router-upstream"})
"""Both roles; Envoy's buffer belongs to them."""

AUTH = frozenset({"auth"})

NATIVE = frozenset({"jwt_authn"})
"""No WasmPlugin, but Envoy's own filter for tokens, which `auth` is compared with."""

TOKEN = Traffic(credential=Credential.TOKEN)
TOKENS = Traffic(credential=Credential.TOKENS)

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

    def gateway(self) -> tuple[frozenset[str] | None, Credential]:
        """What its gateway is set up for; neighbours that agree share one."""
        return self.plugins, self.traffic.credential


ROWS = (
    Row("plain", "Envoy without Istio, no access log", None),
    Row("aa", "bare again (A/A: the noise)", BARE, over="bare"),
    Row("auth", "auth", AUTH, over="bare"),
    Row("native-jwt", "Envoy's jwt_authn, token cached", NATIVE, TOKEN, over="bare"),
    Row("auth-jwt", "auth, token cached", AUTH, TOKEN, over="bare"),
    Row("native-rs256", "Envoy's jwt_authn, RS256 each time", NATIVE, TOKENS, over="bare"),
    Row("auth-rs256", "auth, RS256 each time", AUTH, TOKENS, over="bare"),
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
