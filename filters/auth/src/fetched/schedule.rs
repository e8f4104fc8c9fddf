//! When a document is fetched, and how long it is used.

use http_filter::{ConfigError, SECOND};

/// How often, how long: all in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// From one fetch to the next, at most.
    pub(super) refresh: u64,
    /// From one fetch to one that somebody asked for, at least.
    pub(super) refetch: u64,
    /// From the fetch of a document to its last use.
    pub(super) keep: u64,
    /// How long one fetch may take.
    pub(super) timeout: u64,
}

/// What a schedule says in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrittenSchedule {
    pub(crate) refresh_seconds: u64,
    pub(crate) refetch_seconds: u64,
    pub(crate) keep_seconds: u64,
    pub(crate) timeout_milliseconds: u64,
}

const MILLISECOND: u64 = SECOND / 1000;

/// Thirty days.
pub(crate) const MOST_SECONDS: u64 = 30 * 24 * 3600;

/// Nobody waits for a minute.
pub(crate) const MOST_TIMEOUT_MILLISECONDS: u64 = 60_000;

/// After the first failure; it doubles with each further one.
const FIRST_PAUSE: u64 = SECOND;
const LONGEST_PAUSE: u64 = 30 * SECOND;

/// What the worker that fetches has to write the outcome down, after the call has timed out.
const MARGIN: u64 = 2 * SECOND;

impl Schedule {
    /// Checks a schedule.
    ///
    /// # Errors
    /// Names the field, without what stands around it.
    pub(crate) fn new(written: WrittenSchedule) -> Result<Self, ConfigError> {
        let WrittenSchedule {
            refresh_seconds,
            refetch_seconds,
            keep_seconds,
            timeout_milliseconds,
        } = written;
        for (field, seconds) in [
            ("refreshSeconds", refresh_seconds),
            ("refetchSeconds", refetch_seconds),
            ("keepSeconds", keep_seconds),
        ] {
            if !(1..=MOST_SECONDS).contains(&seconds) {
                let reason = format!("is 1 to {MOST_SECONDS} (30 days)");
                return Err(ConfigError::new(field, reason));
            }
        }
        if !(1..=MOST_TIMEOUT_MILLISECONDS).contains(&timeout_milliseconds) {
            let reason = format!("is 1 to {MOST_TIMEOUT_MILLISECONDS}");
            return Err(ConfigError::new("timeoutMilliseconds", reason));
        }
        if keep_seconds < refresh_seconds {
            let reason = "is less than `refreshSeconds`: the document would expire between fetches";
            return Err(ConfigError::new("keepSeconds", reason));
        }
        Ok(Self {
            refresh: refresh_seconds * SECOND,
            refetch: refetch_seconds * SECOND,
            keep: keep_seconds * SECOND,
            timeout: timeout_milliseconds * MILLISECOND,
        })
    }

    pub(super) fn timeout_milliseconds(self) -> u32 {
        u32::try_from(self.timeout / MILLISECOND).unwrap_or(u32::MAX)
    }

    /// How old a document gets before the next fetch: 80 to 90 % of the longest time, so that
    /// proxies that started together don't ask together, and that the answer is here in time.
    pub(super) fn refresh_after(self, random: u64) -> u64 {
        self.refresh / 10 * 8 + part(self.refresh / 10, random)
    }

    /// How long nobody fetches after failures in a row; at least half the pause is certain.
    pub(super) fn pause_after(self, failures: u32, random: u64) -> u64 {
        let doublings = failures.saturating_sub(1).min(16);
        let longest = LONGEST_PAUSE.min(self.refresh);
        let pause = (FIRST_PAUSE << doublings).min(longest);
        pause / 2 + part(pause / 2, random)
    }

    /// How long nobody else fetches while somebody does.
    pub(super) fn lease(self) -> u64 {
        self.timeout + MARGIN
    }

    /// Nobody ever asks the others to wait for longer: a longer time is from before the clock
    /// stepped back.
    pub(super) fn longest_wait(self) -> u64 {
        self.lease().max(LONGEST_PAUSE)
    }
}

/// A random part of a time.
fn part(of: u64, random: u64) -> u64 {
    random % (of + 1)
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use http_filter::SECOND;

    use super::{Schedule, WrittenSchedule};

    const WRITTEN: WrittenSchedule = WrittenSchedule {
        refresh_seconds: 300,
        refetch_seconds: 10,
        keep_seconds: 3600,
        timeout_milliseconds: 2000,
    };

    #[test]
    fn a_mistake_is_named_by_its_field() {
        assert!(Schedule::new(WRITTEN).is_ok());
        for (field, written) in [
            (
                "refreshSeconds",
                WrittenSchedule {
                    refresh_seconds: 0,
                    ..WRITTEN
                },
            ),
            (
                "refetchSeconds",
                WrittenSchedule {
                    refetch_seconds: u64::MAX,
                    ..WRITTEN
                },
            ),
            (
                "keepSeconds",
                WrittenSchedule {
                    keep_seconds: 299,
                    ..WRITTEN
                },
            ),
            (
                "timeoutMilliseconds",
                WrittenSchedule {
                    timeout_milliseconds: 60_001,
                    ..WRITTEN
                },
            ),
        ] {
            assert_eq!(Schedule::new(written).unwrap_err().field, field);
        }
    }

    #[test]
    fn the_next_fetch_comes_well_before_the_longest_time() {
        let schedule = Schedule::new(WRITTEN).unwrap();
        for random in [0, 1, 12_345_678_901, u64::MAX] {
            let after = schedule.refresh_after(random);
            assert!((240 * SECOND..=270 * SECOND).contains(&after), "{after}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let schedule = Schedule::new(WRITTEN).unwrap();
        for (failures, longest) in [(1, 1), (2, 2), (5, 16), (6, 30), (u32::MAX, 30)] {
            for random in [0, u64::MAX / 3, u64::MAX] {
                let pause = schedule.pause_after(failures, random);
                assert!((longest * SECOND / 2..=longest * SECOND).contains(&pause));
            }
        }
        let often = WrittenSchedule {
            refresh_seconds: 5,
            ..WRITTEN
        };
        let schedule = Schedule::new(often).unwrap();
        assert!(schedule.pause_after(9, u64::MAX) <= 5 * SECOND);
    }
}
