"""A running Envoy: where it listens, its process, and what it counted."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass

_COUNTED = (r"^http\..*\.downstream_rq_(completed|[1-5]xx)$"
            r"|^cluster\.(outbound\|443\|\|api\.openai\.com;?|upstream)\.upstream_rq_completed$")
_DOWNSTREAM = re.compile(r"^http\.(?!admin\.|async-client\.).*\.downstream_rq_(completed|[1-5]xx)$")

_admin = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Loopback, whatever proxy the environment names."""


@dataclass(frozen=True)
class Served:
    """Requests, as Envoy itself counts them."""

    answered: int
    """http.PREFIX.downstream_rq_completed: answered, not those that a client broke off."""
    well: int
    """Of these, with a status of 2xx."""
    upstream: int
    """Answered by the upstream; the rest Envoy answered alone."""

    def __sub__(self, earlier: Served) -> Served:
        return Served(self.answered - earlier.answered, self.well - earlier.well, self.upstream - earlier.upstream)


@dataclass(frozen=True)
class Envoy:
    pid: int
    address: str
    admin: str

    def served(self) -> Served:
        query = urllib.parse.urlencode({"format": "json", "filter": _COUNTED})
        stats = json.loads(self.ask(f"/stats?{query}"))["stats"]
        sums = {"completed": 0, "2xx": 0, "upstream": 0}
        for stat in stats:
            if found := _DOWNSTREAM.match(stat["name"]):
                sums[found[1]] = sums.get(found[1], 0) + stat["value"]
            elif stat["name"].startswith("cluster."):
                sums["upstream"] += stat["value"]
        return Served(sums["completed"], sums["2xx"], sums["upstream"])

    def ask(self, path: str) -> str:
        with _admin.open(f"http://{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()
