//! Time as an argument.

/// Nanoseconds of one second.
pub const SECOND: u64 = 1_000_000_000;

/// Nanoseconds of one minute.
pub const MINUTE: u64 = 60 * SECOND;

/// A point in time: nanoseconds since the Unix epoch, by the proxy's wall clock.
///
/// The clock may step back; [`Time::since`] is then zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    /// A time from nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / SECOND
    }

    /// Nanoseconds since `earlier`, zero where that isn't earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Milliseconds since `earlier`, rounded down.
    #[must_use]
    pub const fn milliseconds_since(self, earlier: Self) -> u64 {
        self.since(earlier) / 1_000_000
    }

    /// This time plus a number of nanoseconds, saturating.
    #[must_use]
    pub const fn plus(self, nanoseconds: u64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }
}
