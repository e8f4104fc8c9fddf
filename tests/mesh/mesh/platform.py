"""What the operator's Istio resource says: the mesh of the tests is the one that ships."""

from __future__ import annotations

from .overlays import overlays, resources


def istio_values() -> dict:
    """`spec.values` of the one Istio resource."""
    found = [resource for overlay in overlays() for resource in resources(overlay)
             if resource["kind"] == "Istio" and resource["apiVersion"].startswith("sailoperator.io/")]
    assert len(found) == 1, f"{len(found)} Istio resources, not one"
    return found[0]["spec"]["values"]
