//! What became of a fetch, as logs and metrics say it.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ai_auth_fetches_total` | document, reason | fetches of a document that ended, by how: `replaced`, `unchanged`, or why it failed |
//! | `ai_auth_documents_expired_total` | document | workers that gave up the last document, since no fetch had succeeded for `keepSeconds` |
//! | `ai_auth_shared_documents_refused_total` | document, reason | values in shared data that were not used: `forged`, `stale`, `malformed` |
//!
//! `document` is `jwks.NAME` or `key_list.NAME`, with a name of the configuration.

use std::fmt;

use http_filter::{Change, Metric, SECOND, Worker};

/// What Envoy's timers and the clock that filters see may differ by, in nanoseconds.
const LATE_CLOCK: u64 = SECOND / 200;

/// Why a fetch gave no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The proxy didn't take the call.
    CallRefused,
    /// None came, or it broke off.
    NoAnswer,
    /// The proxy answered in the endpoint's place when the time was over.
    TimedOut,
    /// Its status isn't 200.
    Status(Option<u16>),
    /// It is longer than its bound, in bytes.
    TooLarge { most: usize },
    /// It is no document of its kind; the reason quotes nothing of it that is secret.
    Malformed(String),
}

impl Failure {
    /// A call that takes too long is answered by Envoy itself, with a 504 that looks like one of
    /// the endpoint's. An endpoint's own would have come before the time was over.
    pub(super) fn after(self, waited: u64, timeout: u64) -> Self {
        match self {
            Self::Status(Some(504)) if waited + LATE_CLOCK >= timeout => Self::TimedOut,
            other => other,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::CallRefused => "call_refused",
            Self::NoAnswer => "no_answer",
            Self::TimedOut => "timeout",
            Self::Status(_) => "status",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed(_) => "malformed",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallRefused => f.write_str("the proxy has no such cluster"),
            Self::NoAnswer => f.write_str("it was broken off, or never answered"),
            Self::TimedOut => f.write_str("no answer within the time limit"),
            Self::Status(Some(status)) => write!(f, "status {status} is not 200"),
            Self::Status(None) => f.write_str("the answer has no status"),
            Self::TooLarge { most } => write!(f, "it is longer than {most} bytes"),
            Self::Malformed(reason) => f.write_str(reason),
        }
    }
}

/// Why a value in shared data isn't used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// None of our workers wrote it.
    Forged,
    /// One of our workers wrote it, and what stood there later was newer.
    Stale,
    /// A worker with another configuration could read it, this one can't.
    Malformed,
}

impl Unusable {
    fn reason(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Stale => "stale",
            Self::Malformed => "malformed",
        }
    }
}

pub(super) fn record_fetched(label: &str, replaced: bool, host: &mut dyn Worker) {
    let reason = if replaced { "replaced" } else { "unchanged" };
    count("ai_auth_fetches_total", label, reason, host);
}

pub(super) fn record_failed(label: &str, failure: &Failure, host: &mut dyn Worker) {
    count("ai_auth_fetches_total", label, failure.reason(), host);
    log::warn!("{label} was not fetched: {failure}");
}

/// Somebody who writes to shared data all the time would fill the log: `is_news` says whether to
/// log it.
pub(super) fn record_unusable(
    label: &str,
    unusable: Unusable,
    is_news: bool,
    host: &mut dyn Worker,
) {
    let name = "ai_auth_shared_documents_refused_total";
    let reason = unusable.reason();
    count(name, label, reason, host);
    if is_news {
        log::error!("{label}: what stands in shared data is {reason}, and isn't used");
    }
}

/// Once for each worker.
pub(super) fn record_expired(label: &str, host: &mut dyn Worker) {
    host.record(Metric {
        name: "ai_auth_documents_expired_total",
        labels: &[("document", label)],
        change: Change::Add(1),
    });
    log::error!("{label}: no fetch has succeeded for so long that the last document is given up");
}

fn count(name: &'static str, document: &str, reason: &str, host: &mut dyn Worker) {
    host.record(Metric {
        name,
        labels: &[("document", document), ("reason", reason)],
        change: Change::Add(1),
    });
}
