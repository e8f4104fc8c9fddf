//! The slots in the proxy's shared data.
//!
//! An answer has one place, chosen by its key; another answer that belongs there takes it. So
//! the memory is bounded by the number of slots times the size of an entry, for good: the proxy
//! removes no key, and the slots are all keys there ever are.

use http_filter::{Expected, Time, Worker, WorkerHost};

use crate::cache_key::CacheKey;
use crate::entry::Entry;

/// How many answers there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots(u32);

impl Slots {
    /// At least one.
    pub(crate) fn new(count: u32) -> Self {
        Self(count.max(1))
    }

    /// The shared data's key for an answer. The digest is uniform, so its first eight bytes are
    /// as good as all of it.
    fn of(self, key: &CacheKey) -> String {
        let first = key.as_bytes().first_chunk().copied().unwrap_or_default();
        name(u64::from_le_bytes(first) % u64::from(self.0))
    }
}

fn name(slot: u64) -> String {
    format!("response-cache.v1.{slot}")
}

/// Shows `serve` the kept answer of this key, if there is a fresh one.
pub(crate) fn look_up<T>(
    host: &dyn Worker,
    slots: Slots,
    key: &CacheKey,
    now: Time,
    serve: impl FnOnce(&Entry<'_>) -> T,
) -> Option<T> {
    let found = host.shared(&slots.of(key))?;
    let entry = Entry::read(&found.value)?;
    (entry.key == *key && entry.is_fresh(now)).then(|| serve(&entry))
}

/// Keeps an answer. Of two workers that keep one in the same slot at once the last one wins:
/// each of the two is as right as the other.
pub(crate) fn keep(host: &mut dyn Worker, slots: Slots, entry: Entry<'_>) {
    let slot = slots.of(&entry.key);
    if let Some(bytes) = entry.to_bytes() {
        let _ = host.set_shared(&slot, &bytes, Expected::Anything);
    }
}

/// Empties the slots of answers that have expired, a few at a time, so that old answers don't
/// lie in memory for nothing. Every worker does it, each from a place of its own.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    next: Option<u32>,
}

/// Of at most a megabyte each; reading 64 KiB takes 5 to 13 µs.
const SLOTS_PER_STEP: u32 = 64;

impl Sweep {
    pub(crate) fn step(&mut self, now: Time, slots: Slots, host: &mut dyn WorkerHost) {
        let Slots(count) = slots;
        let mut next = match self.next {
            Some(next) => u64::from(next),
            None => host.random(),
        };
        for _ in 0..count.min(SLOTS_PER_STEP) {
            next %= u64::from(count);
            empty_if_stale(host, &name(next), now);
            next += 1;
        }
        self.next = u32::try_from(next).ok();
    }
}

/// Empties a slot, unless somebody has written to it since it was read.
fn empty_if_stale(host: &mut dyn WorkerHost, slot: &str, now: Time) {
    let Some(found) = host.shared(slot) else {
        return;
    };
    let fresh = Entry::read(&found.value).is_some_and(|entry| entry.is_fresh(now));
    if !fresh && !found.value.is_empty() {
        let _ = host.set_shared(slot, b"", Expected::Version(found.version));
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use http_filter::{
        Call, CallId, CallRefused, Conflict, Expected, Metric, SignatureCheck, Time, Versioned,
        Worker, WorkerHost,
    };
    use test_host::TestHost;

    use super::{SLOTS_PER_STEP, Slots, Sweep, keep, look_up, name};
    use crate::cache_key::CacheKey;
    use crate::entry::Entry;

    const NOW: Time = Time::from_nanoseconds(100);

    fn key(number: u64, rest: u8) -> CacheKey {
        let mut bytes = [rest; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        CacheKey::from_bytes(bytes)
    }

    fn entry(key: CacheKey, expires: u64) -> Entry<'static> {
        Entry {
            key,
            stored: Time::from_nanoseconds(50),
            expires: Time::from_nanoseconds(expires),
            content_type: b"application/json",
            body: b"{}",
        }
    }

    fn found(host: &TestHost, slots: Slots, key: CacheKey) -> Option<Vec<u8>> {
        look_up(host, slots, &key, NOW, |entry| entry.body.to_vec())
    }

    #[test]
    fn a_kept_answer_is_found_under_its_whole_key_only() {
        let (mut host, slots) = (TestHost::new(), Slots::new(4));
        keep(&mut host, slots, entry(key(1, 1), 200));
        assert_eq!(found(&host, slots, key(1, 1)), Some(b"{}".to_vec()));
        for other in [key(1, 2), key(5, 1), key(2, 1)] {
            assert_eq!(found(&host, slots, other), None);
        }
    }

    #[test]
    fn an_answer_that_belongs_into_the_same_slot_takes_it() {
        let (mut host, slots) = (TestHost::new(), Slots::new(4));
        keep(&mut host, slots, entry(key(1, 1), 200));
        keep(&mut host, slots, entry(key(5, 1), 200));
        assert_eq!(found(&host, slots, key(1, 1)), None);
        assert!(found(&host, slots, key(5, 1)).is_some());
        assert_eq!(host.shared.len(), 1);
    }

    #[test]
    fn an_expired_or_malformed_value_is_a_miss() {
        let (mut host, slots) = (TestHost::new(), Slots::new(4));
        keep(&mut host, slots, entry(key(1, 1), 100));
        assert_eq!(found(&host, slots, key(1, 1)), None);
        for value in [&b""[..], b"\x01", &[0xff; 200]] {
            host.set_shared(&name(1), value, Expected::Anything)
                .unwrap();
            assert_eq!(found(&host, slots, key(1, 1)), None);
        }
    }

    #[test]
    fn sweeps_empty_what_expired_and_leave_the_rest() {
        let (mut host, slots) = (TestHost::new(), Slots::new(150));
        for number in 0..150 {
            let expires = if number % 2 == 0 { 100 } else { 200 };
            keep(&mut host, slots, entry(key(number, 1), expires));
        }
        let mut sweep = Sweep::default();
        for _ in 0..150_u32.div_ceil(SLOTS_PER_STEP) {
            sweep.step(NOW, slots, &mut host);
        }
        for number in 0..150 {
            let value = host.shared(&name(number)).unwrap().value;
            assert_eq!(value.is_empty(), number % 2 == 0, "{number}");
        }
        let written: Vec<u32> = host.shared.values().map(|value| value.version).collect();
        sweep.step(NOW, slots, &mut host);
        let again: Vec<u32> = host.shared.values().map(|value| value.version).collect();
        assert_eq!(again, written, "an emptied slot is left alone");
    }

    #[test]
    fn one_step_is_bounded_and_the_next_goes_on_from_there() {
        let (mut host, slots) = (TestHost::new(), Slots::new(1000));
        for number in 0..1000 {
            keep(&mut host, slots, entry(key(number, 1), 100));
        }
        let mut sweep = Sweep::default();
        for steps in 1..=3 {
            sweep.step(NOW, slots, &mut host);
            let empty = host.shared.values().filter(|value| value.value.is_empty());
            assert_eq!(empty.count(), steps * SLOTS_PER_STEP as usize);
        }
    }

    #[test]
    fn a_single_slot_is_swept_too() {
        let (mut host, slots) = (TestHost::new(), Slots::new(1));
        keep(&mut host, slots, entry(key(9, 1), 100));
        let mut sweep = Sweep::default();
        sweep.step(NOW, slots, &mut host);
        sweep.step(NOW, slots, &mut host);
        assert!(host.shared(&name(0)).unwrap().value.is_empty());
    }

    /// A proxy in which another worker keeps an answer before each write of this one.
    struct Busy(TestHost);

    impl Worker for Busy {
        fn shared(&self, key: &str) -> Option<Versioned> {
            self.0.shared(key)
        }

        fn set_shared(&mut self, slot: &str, value: &[u8], to: Expected) -> Result<(), Conflict> {
            keep(&mut self.0, Slots::new(1), entry(key(0, 2), 200));
            self.0.set_shared(slot, value, to)
        }

        fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused> {
            self.0.call(call)
        }

        fn record(&mut self, metric: Metric<'_>) {
            self.0.record(metric);
        }

        fn random(&mut self) -> u64 {
            self.0.random()
        }

        fn verify_signature(&mut self, check: &SignatureCheck<'_>) -> Option<bool> {
            self.0.verify_signature(check)
        }
    }

    impl WorkerHost for Busy {
        fn wake(&mut self) {
            self.0.wake();
        }
    }

    #[test]
    fn an_answer_kept_in_the_meantime_is_not_swept() {
        let (mut host, slots) = (Busy(TestHost::new()), Slots::new(1));
        keep(&mut host.0, slots, entry(key(0, 1), 100));
        Sweep::default().step(NOW, slots, &mut host);
        assert!(found(&host.0, slots, key(0, 2)).is_some());
    }
}
