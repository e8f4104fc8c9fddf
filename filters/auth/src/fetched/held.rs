//! The document that a worker uses.

use super::clock::Elapsed;
use super::head::Digest;

/// The last good document, and how old it is.
pub(super) struct Held<T> {
    pub(super) document: T,
    /// Counts the documents that this worker has used.
    pub(super) edition: u64,
    /// Of the fetch that gave it, or found it still to be right.
    pub(super) ticket: u64,
    pub(super) digest: Digest,
    pub(super) freshness: Freshness,
}

/// The age of a document, counted from when its fetch was begun: it may be as old as that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freshness {
    pub(super) age: u64,
    /// When it had this age.
    pub(super) at: Elapsed,
    /// The age at which the next fetch is due.
    pub(super) refresh_after: u64,
}

impl Freshness {
    pub(super) fn age(self, elapsed: Elapsed) -> u64 {
        self.age.saturating_add(elapsed.since(self.at))
    }
}

impl<T> Held<T> {
    pub(super) fn is_due(&self, elapsed: Elapsed) -> bool {
        self.freshness.age(elapsed) >= self.freshness.refresh_after
    }

    pub(super) fn is_expired(&self, keep: u64, elapsed: Elapsed) -> bool {
        self.freshness.age(elapsed) >= keep
    }

    /// A later fetch found the document still to be right.
    pub(super) fn renew(&mut self, ticket: u64, freshness: Freshness) {
        self.ticket = ticket;
        self.freshness = freshness;
    }
}
