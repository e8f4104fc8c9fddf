//! A tenant's budget: requests and tokens in windows of one minute.
//!
//! A request is admitted by [`reserve`], which counts it and holds its estimated tokens, and
//! comes to rest by [`settle`], which puts the true count in the place of the estimate. Both
//! change the tenant's [`window`] in the proxy's shared data by compare-and-swap, so that workers
//! never lose or double a count.

mod reserve;
mod settle;
mod window;

pub(crate) use reserve::{Refused, Reservation, reserve};
pub(crate) use settle::settle;

/// What a tenant may use in a minute; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Limits {
    pub(crate) requests_per_minute: Option<u64>,
    pub(crate) tokens_per_minute: Option<u64>,
}

impl Limits {
    /// These, and where there is none that of the others.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(others.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.or(others.tokens_per_minute),
        }
    }
}

#[cfg(test)]
mod tests;
