"""How the gateway itself is: its answers, its filters' VMs, its memory, its connections."""

from __future__ import annotations

from .panels import BYTES, DAYS, MILLISECONDS, PER_SECOND, SHARE, SHORT, Dashboard, Row, Variable, graph, stat

HERE = 'namespace="$namespace",pod=~"$pod"'
LISTENERS = f'{HERE},http_conn_manager_prefix=~"outbound_.+"'
PROVIDERS = f'{HERE},provider_host!=""'
CONTAINER = f'{HERE},container="istio-proxy"'

SUMMARY = Row("Now", (
    stat("Pods that answer", SHORT, f'sum(up{{{HERE},job="ai-gateway"}})'),
    stat("Requests", PER_SECOND, f"sum(rate(envoy_http_downstream_rq_completed{{{LISTENERS}}}[$__rate_interval]))"),
    stat("Answered with 5xx", SHARE, f'sum(rate(envoy_http_downstream_rq{{{LISTENERS},response_code_class="5xx"}}[$__rate_interval]))'
         f" / sum(rate(envoy_http_downstream_rq_completed{{{LISTENERS}}}[$__rate_interval]))"),
    stat("Requests in flight", SHORT, f"sum(envoy_http_downstream_rq_active{{{LISTENERS}}})"),
    stat("VMs loaded anew in an hour", SHORT, f"sum(increase(envoy_wasm_vm_reloads_total{{{HERE}}}[1h]))"),
    stat("First certificate expires", DAYS, f"(min(envoy_listener_certificate_expiration_unix_time_seconds{{{HERE}}}) - time()) / 86400",
         "The listeners' certificates; nothing where TLS ends in front of the gateway."),
))

REQUESTS = Row("Requests", (
    graph("By status", PER_SECOND, (f'sum by (response_code_class) (rate(envoy_http_downstream_rq{{{LISTENERS},response_code_class!=""}}[$__rate_interval]))',
                                    "{{response_code_class}}"), stacked=True),
    graph("By pod", PER_SECOND, (f"sum by (pod) (rate(envoy_http_downstream_rq_completed{{{LISTENERS}}}[$__rate_interval]))", "{{pod}}"), stacked=True),
    graph("In flight", SHORT, (f"sum by (pod) (envoy_http_downstream_rq_active{{{LISTENERS}}})", "{{pod}}")),
    graph("Connections of clients", SHORT, (f"sum by (pod) (envoy_http_downstream_cx_active{{{LISTENERS}}})", "{{pod}}")),
    graph("Time to the end of the answer, p95", MILLISECONDS,
          (f"histogram_quantile(0.95, sum by (le, pod) (rate(envoy_http_downstream_rq_time_bucket{{{LISTENERS}}}[$__rate_interval])))", "{{pod}}")),
    graph("Left, too large, too slow", PER_SECOND,
          (f"sum(rate(envoy_http_downstream_rq_rx_reset{{{LISTENERS}}}[$__rate_interval]))", "reset by the client"),
          (f"sum(rate(envoy_http_downstream_rq_too_large{{{LISTENERS}}}[$__rate_interval]))", "413"),
          (f"sum(rate(envoy_http_downstream_rq_timeout{{{LISTENERS}}}[$__rate_interval]))", "request timeout"),
          (f"sum(rate(envoy_http_downstream_rq_idle_timeout{{{LISTENERS}}}[$__rate_interval]))", "idle timeout")),
))

REFUSALS = Row("Refusals", (
    graph("By reason", PER_SECOND, (f"sum by (reason) (rate(ai_refusals_total{{{HERE}}}[$__rate_interval]))", "{{reason}}"), stacked=True),
    graph("By filter", PER_SECOND, (f"sum by (ai_filter) (rate(ai_refusals_total{{{HERE}}}[$__rate_interval]))", "{{ai_filter}}"), stacked=True),
    graph("By tenant", PER_SECOND, (f"sum by (tenant) (rate(ai_refusals_total{{{HERE}}}[$__rate_interval]))", "{{tenant}}"), stacked=True,
          description="`none`: auth didn't learn whose request it was."),
    graph("By Istio's AuthorizationPolicies", PER_SECOND,
          (f'sum by (pod) (rate(envoy_http_rbac{{{LISTENERS},authz_enforce_result="denied"}}[$__rate_interval]))', "{{pod}}")),
))

IDENTITY = Row("Identity", (
    graph("Credentials by kind and outcome", PER_SECOND,
          (f"sum by (credential, outcome) (rate(ai_auth_total{{{HERE}}}[$__rate_interval]))", "{{credential}}: {{outcome}}")),
    graph("Not accepted, by reason", PER_SECOND,
          (f'sum by (credential, reason) (rate(ai_auth_total{{{HERE},outcome!="accepted"}}[$__rate_interval]))', "{{credential}}: {{reason}}")),
    graph("Documents fetched", SHORT,
          (f"sum by (document, reason) (increase(ai_auth_fetches_total{{{HERE}}}[$__rate_interval]))", "{{document}}: {{reason}}"),
          description="Issuers' keys and lists of API keys."),
))

FILTERS = Row("Filters", (
    graph("VMs that died", SHORT,
          (f'sum by (plugin) (increase(envoy_wasm_vm_reloads_total{{{HERE},result="success"}}[$__rate_interval]))', "{{plugin}}"),
          (f'sum by (pod) (increase(envoy_wasm_vm_reloads_total{{{HERE},result="failure"}}[$__rate_interval]))', "{{pod}}: not loaded anew"),
          description="A VM that trapped answers 503 until it is loaded anew."),
    graph("VMs that run", SHORT, (f"sum by (pod) (envoy_wasm_envoy_wasm_runtime_v8_active{{{HERE}}})", "{{pod}}")),
    graph("Configurations refused", SHORT,
          (f"sum by (pod) (increase(envoy_listener_manager_lds_update_rejected{{{HERE}}}[$__rate_interval]))", "{{pod}}: listener"),
          (f"sum by (pod) (increase(envoy_cluster_manager_cds_update_rejected{{{HERE}}}[$__rate_interval]))", "{{pod}}: cluster"),
          (f'sum by (plugin) (increase(envoy_plugin_configurations_total{{{HERE},result=~"config_fail|update_rejected"}}[$__rate_interval]))', "{{plugin}}")),
    graph("Modules fetched", SHORT, (f"sum by (pod, result) (increase(istio_agent_wasm_remote_fetch_count{{{HERE}}}[$__rate_interval]))", "{{pod}}: {{result}}")),
))

MEMORY = Row("Memory and CPU", (
    graph("Envoy's own memory", BYTES, (f"sum by (pod) (envoy_server_memory_allocated{{{HERE}}})", "{{pod}} allocated"),
          (f"sum by (pod) (envoy_server_memory_physical_size{{{HERE}}})", "{{pod}} held"),
          description="Without the filters' VMs, which are in the container's."),
    graph("The container's memory", BYTES, (f"sum by (pod) (container_memory_working_set_bytes{{{CONTAINER}}})", "{{pod}}"),
          (f'max by (pod) (kube_pod_container_resource_limits{{{CONTAINER},resource="memory"}})', "{{pod}} limit")),
    graph("CPU", SHORT, (f"sum by (pod) (rate(container_cpu_usage_seconds_total{{{CONTAINER}}}[$__rate_interval]))", "{{pod}}")),
    graph("Threads that hung", SHORT, (f"sum by (pod, thread_name) (increase(envoy_server_watchdog_mega_miss{{{HERE}}}[$__rate_interval]))", "{{pod}}: {{thread_name}}"),
          description="For more than a second. The main thread does whenever it compiles a filter's module; a worker never should."),
))

PROVIDER_CONNECTIONS = Row("Connections to providers", (
    graph("Open", SHORT, (f"sum by (provider_host) (envoy_cluster_upstream_cx_active{{{PROVIDERS}}})", "{{provider_host}}")),
    graph("Calls in flight, and waiting", SHORT, (f"sum by (provider_host) (envoy_cluster_upstream_rq_active{{{PROVIDERS}}})", "{{provider_host}}"),
          (f"sum by (provider_host) (envoy_cluster_upstream_rq_pending_active{{{PROVIDERS}}})", "{{provider_host}} waiting")),
    graph("Not made", PER_SECOND, (f"sum by (provider_host) (rate(envoy_cluster_upstream_cx_connect_fail{{{PROVIDERS}}}[$__rate_interval]))", "{{provider_host}} failed"),
          (f"sum by (provider_host) (rate(envoy_cluster_upstream_rq_pending_overflow{{{PROVIDERS}}}[$__rate_interval]))", "{{provider_host}} no room")),
    graph("Time to connect, p95", MILLISECONDS,
          (f"histogram_quantile(0.95, sum by (le, provider_host) (rate(envoy_cluster_upstream_cx_connect_ms_bucket{{{PROVIDERS}}}[$__rate_interval])))", "{{provider_host}}")),
    graph("Time of a call, p95", MILLISECONDS,
          (f"histogram_quantile(0.95, sum by (le, provider_host) (rate(envoy_cluster_upstream_rq_time_bucket{{{PROVIDERS}}}[$__rate_interval])))", "{{provider_host}}")),
    graph("Addresses that are well", SHORT, (f"sum by (provider_host) (envoy_cluster_membership_healthy{{{PROVIDERS}}})", "{{provider_host}}")),
))

CONTROL_PLANE = Row("Control plane", (
    graph("Connections to istiod that failed or broke", SHORT,
          (f"sum by (pod, type) (increase(istio_agent_istiod_connection_terminations{{{HERE}}}[$__rate_interval]))", "{{pod}}: {{type}}"),
          (f"sum by (pod) (increase(istio_agent_istiod_connection_failures{{{HERE}}}[$__rate_interval]))", "{{pod}}: not made"),
          description="Every half hour istiod ends one, on purpose (`cancelled`). Errors again and again: there is no istiod for this pod."),
    graph("Listeners", SHORT, (f"sum by (pod) (envoy_listener_manager_total_listeners_active{{{HERE}}})", "{{pod}}")),
    graph("Updates taken", SHORT, (f"sum by (pod) (increase(envoy_cluster_manager_cds_update_success{{{HERE}}}[$__rate_interval]))", "{{pod}} clusters"),
          (f"sum by (pod) (increase(envoy_listener_manager_lds_update_success{{{HERE}}}[$__rate_interval]))", "{{pod}} listeners")),
    graph("Uptime", "s", (f"min by (pod) (envoy_server_uptime{{{HERE}}})", "{{pod}}")),
))

DASHBOARD = Dashboard(
    name="ai-gateway-health",
    title="AI gateway: health",
    description="The gateway's own state: answers, refusals, VMs, memory, connections, control plane.",
    variables=(
        Variable("namespace", "envoy_server_live", "namespace", has_all=False),
        Variable("pod", 'envoy_server_live{namespace="$namespace"}', "pod"),
    ),
    rows=(SUMMARY, REQUESTS, REFUSALS, IDENTITY, FILTERS, MEMORY, PROVIDER_CONNECTIONS, CONTROL_PLANE),
)
