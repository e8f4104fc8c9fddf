//! How full the tenants' minutes are, as two counters whose rates make a share.
//!
//! A minute without a request counts in neither: the share is that of the minutes in which the
//! tenant called. What is used is what was settled; reservations don't show.

use http_filter::{Change, Host, Metric};

use crate::budget::Limits;

/// An admitted request, the first of its minute or a later one.
pub(crate) fn count_admitted(
    tenant: &str,
    limits: Limits,
    opens_window: bool,
    host: &mut dyn Host,
) {
    if limits.requests_per_minute.is_some() {
        add(USED, tenant, REQUESTS, 1, host);
    }
    if !opens_window {
        return;
    }
    for (limit, allowed) in [
        (REQUESTS, limits.requests_per_minute),
        (TOKENS, limits.tokens_per_minute),
    ] {
        add(ALLOWED, tenant, limit, allowed.unwrap_or_default(), host);
    }
}

/// What a request cost in the end.
pub(crate) fn count_settled(tenant: &str, limits: Limits, tokens: u64, host: &mut dyn Host) {
    if limits.tokens_per_minute.is_some() {
        add(USED, tenant, TOKENS, tokens, host);
    }
}

const ALLOWED: &str = "ai_limit_allowed_total";
const USED: &str = "ai_limit_used_total";

const REQUESTS: &str = "requests_per_minute";
const TOKENS: &str = "tokens_per_minute";

/// A counter of zero makes no series.
fn add(name: &'static str, tenant: &str, limit: &str, by: u64, host: &mut dyn Host) {
    if by > 0 {
        host.record(Metric {
            name,
            labels: &[("tenant", tenant), ("limit", limit)],
            change: Change::Add(by),
        });
    }
}
