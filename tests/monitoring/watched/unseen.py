"""What the local gateway can't show, and why. Each entry is looked for nevertheless: one that is seen by now fails."""

AGENT = "Istio's agent writes it; the local gateway is Envoy alone"
CLUSTER = "the platform's cadvisor and kube-state-metrics write it"
ISTIOD = "istiod writes it; here Istio's pilot runs inside the local runner"

CERTIFICATE = "needs a listener with TLS, which the dev overlay has none of; test_certificates.py looks at production's"
DOCUMENTS = "needs an issuer or a key list whose documents auth fetches; the dev overlay has none"

UNSEEN = {
    "istio_agent_wasm_remote_fetch_count": AGENT,
    "istio_agent_istiod_connection_terminations": AGENT,
    "istio_agent_istiod_connection_failures": AGENT,
    "container_memory_working_set_bytes": CLUSTER,
    "container_cpu_usage_seconds_total": CLUSTER,
    "kube_pod_container_resource_limits": CLUSTER,
    "kube_pod_deletion_timestamp": CLUSTER,
    "pilot_total_xds_rejects": ISTIOD,
    'up{job="istiod"': ISTIOD,
    "envoy_listener_certificate_expiration_unix_time_seconds": CERTIFICATE,
    "ai_auth_fetches_total": DOCUMENTS,
    "ai_auth_documents_expired_total": DOCUMENTS,
    "ai_auth_shared_documents_refused_total": DOCUMENTS,
}
"""What a query holds, and the reason why it gives nothing."""


def reason(expr: str) -> str | None:
    return next((why for what, why in UNSEEN.items() if what in expr), None)
