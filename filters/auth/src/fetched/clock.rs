//! A clock that never steps back.

use http_filter::Time;

/// Nanoseconds since this worker began to look at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Elapsed(u64);

impl Elapsed {
    pub(super) const START: Self = Self(0);

    pub(super) const fn plus(self, nanoseconds: u64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// Nanoseconds since `earlier`, zero where that isn't earlier.
    pub(super) const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Adds up how far the wall clock went forward between two looks at it. Where it stepped back it
/// counts on from there: a document gets no older by that, and none is kept for ever.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Option<Time>,
    elapsed: u64,
}

impl Clock {
    /// Takes a look at the wall clock.
    pub(super) fn advance(&mut self, now: Time) -> Elapsed {
        self.elapsed = self.at(now).0;
        self.last = Some(now);
        Elapsed(self.elapsed)
    }

    /// What a look at the wall clock would give.
    pub(super) fn at(&self, now: Time) -> Elapsed {
        let forward = self.last.map_or(0, |last| now.since(last));
        Elapsed(self.elapsed.saturating_add(forward))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use http_filter::Time;

    use super::{Clock, Elapsed};

    #[test]
    fn steps_back_count_for_nothing_and_what_follows_counts() {
        let mut clock = Clock::default();
        let at = Time::from_nanoseconds;
        for (now, elapsed) in [(100, 0), (130, 30), (20, 30), (25, 35), (25, 35)] {
            assert_eq!(clock.at(at(now)), Elapsed(elapsed));
            assert_eq!(clock.advance(at(now)), Elapsed(elapsed));
        }
    }
}
