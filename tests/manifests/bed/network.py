"""NetworkPolicies as Kubernetes defines them: may this pod open a connection to that one?

A connection passes when the policies of its source let it out and those of its
destination let it in; a pod that no policy selects for a direction is open in
it.

Whether an `ipBlock` holds pods' addresses, Kubernetes leaves open. OpenShift's
OVN-Kubernetes makes a match on the packet's address of it, whoever has that
address, so it does here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Peer:
    """A pod, or an address that is no pod's."""

    namespace: str = ""
    namespace_labels: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    address: str = "10.128.0.9"

    @property
    def is_pod(self) -> bool:
        return bool(self.namespace)


def passes(policies: Iterable[dict], source: Peer, destination: Peer, port: int, protocol: str) -> bool:
    policies = list(policies)
    return (_open(policies, source, destination, "Egress", port, protocol)
            and _open(policies, destination, source, "Ingress", port, protocol))


def _open(policies: list[dict], pod: Peer, other: Peer, direction: str, port: int, protocol: str) -> bool:
    selecting = [p["spec"] for p in policies if pod.is_pod and p["metadata"]["namespace"] == pod.namespace
                 and direction in p["spec"]["policyTypes"] and selects(p["spec"]["podSelector"], pod.labels)]
    if not selecting:
        return True
    rules, side = direction.lower(), {"Ingress": "from", "Egress": "to"}[direction]
    return any(_names(rule.get(side), other, pod.namespace) and _has_port(rule.get("ports"), port, protocol)
               for spec in selecting for rule in spec.get(rules) or [])


def _names(peers: list[dict] | None, other: Peer, own_namespace: str) -> bool:
    return not peers or any(_is(peer, other, own_namespace) for peer in peers)


def _is(peer: dict, other: Peer, own_namespace: str) -> bool:
    if block := peer.get("ipBlock"):
        address, network = ipaddress.ip_address(other.address), ipaddress.ip_network(block["cidr"])
        return (address.version == network.version and address in network
                and not any(address in ipaddress.ip_network(hole) for hole in block.get("except", [])))
    if not other.is_pod:
        return False
    if "namespaceSelector" in peer:
        here = selects(peer["namespaceSelector"], other.namespace_labels)
    else:
        here = other.namespace == own_namespace
    return here and selects(peer.get("podSelector", {}), other.labels)


def _has_port(ports: list[dict] | None, port: int, protocol: str) -> bool:
    return not ports or any(p["port"] == port and p.get("protocol", "TCP") == protocol for p in ports)


def selects(selector: dict, labels: dict) -> bool:
    operators = {
        "In": lambda value, values: value in values,
        "NotIn": lambda value, values: value not in values,
        "Exists": lambda value, _: value is not None,
        "DoesNotExist": lambda value, _: value is None,
    }
    return (all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
            and all(operators[e["operator"]](labels.get(e["key"]), e.get("values")) for e in selector.get("matchExpressions", [])))
