"""A control plane on loopback: etcd, kube-apiserver, kube-controller-manager and istiod, without nodes.

    with ControlPlane(Path("folder")) as plane:
        plane.kubectl("apply", "-k", "manifests/overlays/dev")

Every port is a free one, chosen at the start. Every process ends with the
block, and with the process that started it however that ends.
"""

from .control_plane import ControlPlane

__all__ = ["ControlPlane"]
