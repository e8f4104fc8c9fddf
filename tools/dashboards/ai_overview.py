"""What the LLM traffic is, costs and suffers: by tenant, model and provider."""

from __future__ import annotations

from .panels import DOLLARS, MILLISECONDS, PER_MINUTE, PER_SECOND, SHARE, SHORT, Dashboard, Row, Variable, graph, stat

HERE = 'namespace="$namespace"'
CHOSEN = f'{HERE},tenant=~"$tenant",model=~"$model",provider=~"$provider"'
TENANT = f'{HERE},tenant=~"$tenant"'
PROVIDER = f'{HERE},provider=~"$provider"'
CACHE = f'{TENANT},provider=~"$provider"'
TOTALS = 'token_type=~"input|output"'
"""`cached_input`, `cache_write` and `reasoning` are parts of these two: never add them."""


def per_second(metric: str, chosen: str, by: str = "") -> str:
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({metric}{{{chosen}}}[$__rate_interval]))"


def percentile(share: float, metric: str, chosen: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{chosen}}}[$__rate_interval])))"


def percentiles(metric: str, chosen: str) -> list[tuple[str, str]]:
    return [(percentile(share, metric, chosen), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)]


DURATION = "ai_request_duration_milliseconds"
FIRST_TOKEN = "ai_time_to_first_token_milliseconds"

TRAFFIC = Row("Requests", (
    graph("By tenant", PER_SECOND, (per_second("ai_requests_total", CHOSEN, "tenant"), "{{tenant}}"), stacked=True),
    graph("By model", PER_SECOND, (per_second("ai_requests_total", CHOSEN, "model"), "{{model}}"), stacked=True),
    graph("By provider", PER_SECOND, (per_second("ai_requests_total", CHOSEN, "provider"), "{{provider}}"), stacked=True,
          description="The provider that answered; `none` where a filter answered before one was chosen."),
    graph("Streamed and not", PER_SECOND, (per_second("ai_requests_total", CHOSEN, "streaming"), "streaming={{streaming}}")),
))

SUMMARY = Row("Now", (
    stat("Requests", PER_SECOND, per_second("ai_requests_total", CHOSEN)),
    stat("Tokens", PER_MINUTE, f"60 * {per_second('ai_tokens_total', f'{CHOSEN},{TOTALS}')}", "Input and output, in a minute."),
    stat("Cost in an hour", DOLLARS, f"3600 / 1e6 * {per_second('ai_cost_microdollars_total', CHOSEN)}",
         "By the prices in token-counter's configuration, for models that have one."),
    stat("First token, p95", MILLISECONDS, percentile(0.95, FIRST_TOKEN, CHOSEN)),
    stat("Failed", SHARE, f"(sum(rate(ai_request_errors_total{{{CHOSEN}}}[$__rate_interval])) or vector(0))"
         f" / {per_second('ai_requests_total', CHOSEN)}", "Of the requests that were admitted, whatever the fault."),
    stat("Answered by the cache", SHARE,
         f'sum(rate(ai_cache_lookups_total{{{CACHE},cache_result="hit"}}[$__rate_interval]))'
         f" / {per_second('ai_cache_lookups_total', CACHE)}"),
))

TOKENS = Row("Tokens", (
    graph("By kind", PER_MINUTE, (f"60 * {per_second('ai_tokens_total', CHOSEN, 'token_type')}", "{{token_type}}"),
          description="cached_input and cache_write are parts of input, reasoning is a part of output."),
    graph("By tenant", PER_MINUTE, (f"60 * {per_second('ai_tokens_total', f'{CHOSEN},{TOTALS}', 'tenant')}", "{{tenant}}"), stacked=True),
    graph("By model", PER_MINUTE, (f"60 * {per_second('ai_tokens_total', f'{CHOSEN},{TOTALS}', 'model')}", "{{model}}"), stacked=True),
    graph("By provider", PER_MINUTE, (f"60 * {per_second('ai_tokens_total', f'{CHOSEN},{TOTALS}', 'provider')}", "{{provider}}"), stacked=True),
    graph("Input read from the provider's cache", SHARE,
          (per_second("ai_tokens_total", f'{CHOSEN},token_type="cached_input"', "model") + " / "
           + per_second("ai_tokens_total", f'{CHOSEN},token_type="input"', "model"), "{{model}}")),
    graph("Estimated, since the provider didn't count", PER_SECOND,
          (per_second("ai_estimated_usage_total", CHOSEN, "provider"), "{{provider}}")),
))

COST = Row("Cost", (
    graph("By tenant, in an hour", DOLLARS, (f"3600 / 1e6 * {per_second('ai_cost_microdollars_total', CHOSEN, 'tenant')}", "{{tenant}}"), stacked=True),
    graph("By model, in an hour", DOLLARS, (f"3600 / 1e6 * {per_second('ai_cost_microdollars_total', CHOSEN, 'model')}", "{{model}}"), stacked=True),
    graph("By provider, in an hour", DOLLARS, (f"3600 / 1e6 * {per_second('ai_cost_microdollars_total', CHOSEN, 'provider')}", "{{provider}}"), stacked=True),
))

LATENCY = Row("Latency", (
    graph("Time to first token", MILLISECONDS, *percentiles(FIRST_TOKEN, CHOSEN),
          description="Of streams, from the request's headers to the first event with text; not of cache hits."),
    graph("Time to first token by provider, p95", MILLISECONDS, (percentile(0.95, FIRST_TOKEN, CHOSEN, "provider"), "{{provider}}")),
    graph("Time to first token by model, p95", MILLISECONDS, (percentile(0.95, FIRST_TOKEN, CHOSEN, "model"), "{{model}}")),
    graph("Whole answers that don't stream", MILLISECONDS, *percentiles(DURATION, f'{CHOSEN},streaming="false"')),
    graph("Whole answers that stream", MILLISECONDS, *percentiles(DURATION, f'{CHOSEN},streaming="true"')),
    graph("Whole answers by tenant, p95", MILLISECONDS, (percentile(0.95, DURATION, CHOSEN, "tenant"), "{{tenant}}")),
))

ERRORS = Row("Errors", (
    graph("Failed requests by reason", PER_SECOND, (per_second("ai_request_errors_total", CHOSEN, "reason"), "{{reason}}"), stacked=True,
          description="no_answer and incomplete: the client left, or the connection broke."),
    graph("Failed requests by tenant", PER_SECOND, (per_second("ai_request_errors_total", CHOSEN, "tenant"), "{{tenant}}")),
    graph("Failed requests by model", PER_SECOND, (per_second("ai_request_errors_total", CHOSEN, "model"), "{{model}}")),
    graph("Failed requests by provider", PER_SECOND, (per_second("ai_request_errors_total", CHOSEN, "provider"), "{{provider}}")),
    graph("What the providers answered", PER_SECOND,
          (f'sum by (provider_host, response_code_class) (rate(envoy_cluster_upstream_rq{{{HERE},provider_host!="",response_code_class!=""}}[$__rate_interval]))',
           "{{provider_host}} {{response_code_class}}"), description="Each try, also those that a fallback made good."),
))

CACHE_AND_FALLBACKS = Row("Cache and fallbacks", (
    graph("Cache lookups", PER_SECOND, (per_second("ai_cache_lookups_total", CACHE, "cache_result"), "{{cache_result}}"), stacked=True),
    graph("Cache hits by tenant", PER_SECOND,
          (per_second("ai_cache_lookups_total", f'{TENANT},cache_result="hit"', "tenant"), "{{tenant}}")),
    graph("Fallbacks", PER_SECOND, (per_second("ai_fallbacks_total", PROVIDER, "provider, fallback_to, reason"),
                                    "{{provider}} to {{fallback_to}}: {{reason}}")),
))

LIMITS = Row("Limits and redaction", (
    graph("Used of the limit", SHARE,
          (f"max by (tenant, limit) (sum by (pod, tenant, limit) (rate(ai_limit_used_total{{{TENANT}}}[$__rate_interval]))"
           f" / sum by (pod, tenant, limit) (rate(ai_limit_allowed_total{{{TENANT}}}[$__rate_interval])))", "{{tenant}} {{limit}}"),
          description="Of the minutes in which the tenant called, in the pod where it used most. Reservations don't show."),
    graph("Refused by a limit", PER_SECOND,
          (per_second("ai_refusals_total", f'{TENANT},reason=~"requests_per_minute|tokens_per_minute"', "tenant, reason"), "{{tenant}}: {{reason}}")),
    graph("Redactions by rule", PER_SECOND, (per_second("ai_redactions_total", TENANT, "rule"), "{{rule}}")),
    graph("Redactions by tenant", PER_SECOND, (per_second("ai_redactions_total", TENANT, "tenant"), "{{tenant}}")),
))

DASHBOARD = Dashboard(
    name="ai-gateway-overview",
    title="AI gateway: overview",
    description="Tokens, cost, latency, errors, cache, fallbacks and limits of the LLM traffic.",
    variables=(
        Variable("namespace", "ai_requests_total", "namespace", has_all=False),
        Variable("tenant", 'ai_requests_total{namespace="$namespace"}', "tenant"),
        Variable("model", 'ai_requests_total{namespace="$namespace"}', "model"),
        Variable("provider", 'ai_requests_total{namespace="$namespace"}', "provider"),
    ),
    rows=(SUMMARY, TRAFFIC, TOKENS, COST, LATENCY, ERRORS, CACHE_AND_FALLBACKS, LIMITS),
)
