//! What a worker expects of everybody's fetches, by its own clock.

use http_filter::Time;

use super::clock::Elapsed;
use super::head::{Head, Phase};
use super::schedule::Schedule;

/// When somebody fetches, or may. Nothing of it moves when the wall clock steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook {
    /// Somebody is taken to be fetching before this.
    pub(super) fetching_until: Elapsed,
    /// Nobody begins a fetch before this.
    pub(super) quiet_until: Elapsed,
    /// Nobody begins a fetch that only somebody's question asks for before this.
    pub(super) refetch_from: Elapsed,
}

impl Outlook {
    /// Nobody has fetched yet.
    pub(super) const OPEN: Self = Self {
        fetching_until: Elapsed::START,
        quiet_until: Elapsed::START,
        refetch_from: Elapsed::START,
    };

    /// What a head says, read at a time.
    pub(super) fn of(head: &Head, schedule: Schedule, now: Time, elapsed: Elapsed) -> Self {
        let wait_until = |until: Time| match until.since(now) {
            wait if wait > schedule.longest_wait() => elapsed,
            wait => elapsed.plus(wait),
        };
        let (fetching_until, quiet_until) = match head.phase {
            Phase::Fetching { until } => (wait_until(until), wait_until(until)),
            Phase::Resting { until } => (elapsed, wait_until(until)),
        };
        let ago = now.since(head.started);
        Self {
            fetching_until,
            quiet_until,
            refetch_from: elapsed.plus(schedule.refetch.saturating_sub(ago)),
        }
    }
}
