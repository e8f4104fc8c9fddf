//! The window that stands in shared data, and how it is changed.

use facts::Name;
use http_filter::{Expected, SECOND, Time, Worker};

/// Seconds of a window. Windows are fixed: they begin at whole minutes of the Unix epoch, so at
/// the border of two a tenant may use both within one minute.
pub(crate) const WINDOW_SECONDS: u64 = 60;

/// What a tenant has used in one window: settled, or reserved and still to be settled.
///
/// Its form is three little-endian numbers of 8 bytes, in the order of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Seconds since the Unix epoch.
    pub(crate) start: u64,
    pub(crate) requests: u64,
    pub(crate) tokens: u64,
}

impl Window {
    /// The window that counts at a time, given the one that was stored last.
    ///
    /// Workers read the clock before they get to the window, so one may come with the time of
    /// the minute before: it counts into the window that has begun. A window further in the
    /// future is from before the clock stepped back, and is given up.
    pub(crate) fn at(now: Time, stored: Option<Self>) -> Self {
        let start = now.seconds() - now.seconds() % WINDOW_SECONDS;
        let latest = start.saturating_add(WINDOW_SECONDS);
        stored
            .filter(|stored| (start..=latest).contains(&stored.start))
            .unwrap_or(Self {
                start,
                requests: 0,
                tokens: 0,
            })
    }

    /// Seconds until the window ends, begun ones counted whole; at least 1.
    pub(crate) fn seconds_left(&self, now: Time) -> u64 {
        let end = self.start.saturating_add(WINDOW_SECONDS);
        let end = Time::from_nanoseconds(end.saturating_mul(SECOND));
        end.since(now).div_ceil(SECOND).max(1)
    }

    fn to_bytes(self) -> Vec<u8> {
        let Self {
            start,
            requests,
            tokens,
        } = self;
        [start, requests, tokens].map(u64::to_le_bytes).concat()
    }

    /// `None` where the bytes are no window: nobody but this filter writes here, and what it
    /// can't read must not stop a tenant for good.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk()?;
        let (requests, rest) = rest.split_first_chunk()?;
        let tokens = rest.try_into().ok()?;
        Some(Self {
            start: u64::from_le_bytes(*start),
            requests: u64::from_le_bytes(*requests),
            tokens: u64::from_le_bytes(tokens),
        })
    }
}

/// What becomes of a window.
pub(crate) enum Update<T> {
    /// It is replaced.
    Write(Window, T),
    /// It stays as it is.
    Keep(T),
}

/// Other workers wrote each time between reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contention;

/// Each conflict means that another worker got through. At the worst that was measured six
/// writes in ten met one: so many in a row don't happen, and they would take a tenth of a
/// millisecond.
const MOST_TRIES: usize = 64;

/// Changes a tenant's window as if nobody else did at the same time.
pub(crate) fn update<T>(
    host: &mut dyn Worker,
    tenant: &Name,
    mut change: impl FnMut(Option<Window>) -> Update<T>,
) -> Result<T, Contention> {
    // One key for each tenant of the configuration, whatever the window: keys are never removed.
    let key = format!("token-counter.v1.{tenant}");
    for _ in 0..MOST_TRIES {
        let stored = host.shared(&key);
        let expected = match &stored {
            Some(stored) => Expected::Version(stored.version),
            None => Expected::Absent,
        };
        let window = stored.and_then(|stored| Window::read(&stored.value));
        match change(window) {
            Update::Keep(result) => return Ok(result),
            Update::Write(window, result) => {
                if host.set_shared(&key, &window.to_bytes(), expected).is_ok() {
                    return Ok(result);
                }
            }
        }
    }
    Err(Contention)
}
