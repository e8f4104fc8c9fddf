//! How a budget is reserved.

use facts::Name;
use http_filter::{Time, Worker};

use super::Limits;
use super::window::{Contention, Update, Window, update};

/// Tokens that are held for a request until it is settled. It can be settled only once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reservation that isn't settled holds its tokens until the window ends"]
pub(crate) struct Reservation {
    pub(super) held: Option<Held>,
}

/// Where the tokens are held; nowhere for a tenant without limits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) tenant: Name,
    /// The start of the window in which they count.
    pub(super) window: u64,
    pub(super) tokens: u64,
    /// It was the window's first request.
    pub(super) opens_window: bool,
}

impl Reservation {
    /// Whether it was the first of its window. Without limits there is none.
    pub(crate) fn opens_window(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.opens_window)
    }
}

/// Why a request isn't admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The requests of this window are used up.
    RequestsPerMinute {
        limit: u64,
        retry_after_seconds: u64,
    },
    /// Too few tokens are left in this window.
    TokensPerMinute {
        limit: u64,
        retry_after_seconds: u64,
    },
    /// No window has as many tokens.
    TooLarge { limit: u64, tokens: u64 },
    /// Other workers are always faster.
    Contention,
}

/// More than any request needs, so that a window's sum can't overflow within a minute.
pub(super) const MOST_TOKENS: u64 = 1_000_000_000_000;

/// Counts a request and holds its tokens, or does neither.
pub(crate) fn reserve(
    host: &mut dyn Worker,
    tenant: &Name,
    limits: Limits,
    tokens: u64,
    now: Time,
) -> Result<Reservation, Refused> {
    if limits == Limits::default() {
        return Ok(Reservation { held: None });
    }
    if let Some(limit) = limits.tokens_per_minute.filter(|limit| tokens > *limit) {
        return Err(Refused::TooLarge { limit, tokens });
    }
    let tokens = tokens.min(MOST_TOKENS);
    let admitted = update(host, tenant, |stored| {
        let window = Window::at(now, stored);
        match admit(window, limits, tokens, now) {
            Ok(window) => Update::Write(window, Ok(window)),
            Err(refused) => Update::Keep(Err(refused)),
        }
    });
    let window = admitted.map_err(|Contention| Refused::Contention)??;
    Ok(Reservation {
        held: Some(Held {
            tenant: tenant.clone(),
            window: window.start,
            tokens,
            opens_window: window.requests == 1,
        }),
    })
}

/// The window with one more request in it.
fn admit(window: Window, limits: Limits, tokens: u64, now: Time) -> Result<Window, Refused> {
    let retry_after_seconds = window.seconds_left(now);
    let after = Window {
        requests: window.requests.saturating_add(1),
        tokens: window.tokens.saturating_add(tokens),
        ..window
    };
    match limits {
        Limits {
            requests_per_minute: Some(limit),
            ..
        } if after.requests > limit => Err(Refused::RequestsPerMinute {
            limit,
            retry_after_seconds,
        }),
        Limits {
            tokens_per_minute: Some(limit),
            ..
        } if after.tokens > limit => Err(Refused::TokensPerMinute {
            limit,
            retry_after_seconds,
        }),
        _ => Ok(after),
    }
}
