//! How many calls were let in, or not, by what kind of credential.

use http_filter::{Change, Metric, Worker};

use crate::verdict::{Fault, Good};

/// What became of a call.
#[derive(Clone, Copy)]
pub(crate) enum Outcome<'a> {
    Accepted(&'a Good),
    Refused(&'a Fault),
    /// It would have been refused, and was let through.
    Shadowed(&'a Fault),
}

/// Counts it. Issuers are names of the configuration, and reasons are words of this crate.
pub(crate) fn count(host: &mut (impl Worker + ?Sized), outcome: Outcome<'_>) {
    let (name, kind, issuer, reason) = match outcome {
        Outcome::Accepted(good) => ("accepted", good.kind, good.issuer(), ""),
        Outcome::Refused(fault) => ("refused", fault.kind, fault.issuer(), fault.reason),
        Outcome::Shadowed(fault) => ("shadowed", fault.kind, fault.issuer(), fault.reason),
    };
    host.record(Metric {
        name: "ai_auth_total",
        labels: &[
            ("credential", kind.name()),
            ("issuer", issuer),
            ("outcome", name),
            ("reason", reason),
        ],
        change: Change::Add(1),
    });
}
