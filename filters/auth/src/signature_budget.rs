//! How many signatures are checked, so that forged tokens can't take the processor.

use http_filter::{SECOND, Time};

use crate::clock_cache::ClockCache;

/// The most addresses that are counted at a time; some 200 KiB. Who has more of them is still held
/// by the worker's own bound.
const MOST_ADDRESSES: usize = 4096;

/// Signature checks per second, of one worker and of each client address.
pub(crate) struct SignatureBudget {
    limits: Limits,
    worker: Bucket,
    addresses: ClockCache<Address, Bucket>,
}

/// The bounds as the configuration gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) per_second: u32,
    /// `None` where addresses say nothing, as behind a proxy.
    pub(crate) per_address: Option<u32>,
}

/// A client's address: IPv4's whole, of IPv6 the half that a provider gives to one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Address(u64);

/// There is nothing left for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent;

impl SignatureBudget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            worker: Bucket::full(limits.per_second),
            addresses: ClockCache::new(MOST_ADDRESSES),
        }
    }

    /// Whether addresses are counted.
    pub(crate) fn asks_for_addresses(&self) -> bool {
        self.limits.per_address.is_some()
    }

    /// Takes one check for an address.
    ///
    /// # Errors
    /// [`Spent`] where worker or address have none left.
    pub(crate) fn take(&mut self, address: Option<Address>, now: Time) -> Result<(), Spent> {
        if let (Some(address), Some(limit)) = (address, self.limits.per_address) {
            if self.addresses.get(&address).is_none() {
                self.addresses.insert(address, Bucket::full(limit));
            }
            if let Some(bucket) = self.addresses.get(&address) {
                bucket.take(limit, now)?;
            }
        }
        self.worker.take(self.limits.per_second, now)
    }

    /// Charges the worker for what a check has cost more than one.
    pub(crate) fn charge(&mut self, checks: usize) {
        let parts = i64::try_from(checks)
            .unwrap_or(i64::MAX)
            .saturating_mul(CHECK);
        self.worker.left = self.worker.left.saturating_sub(parts);
    }
}

impl Address {
    /// Reads `10.1.2.3:41234` or `[2001:db8::1]:41234`.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let address: std::net::SocketAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
        let bits = match address.ip().to_canonical() {
            std::net::IpAddr::V4(ip) => u64::from(ip.to_bits()),
            std::net::IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 64).ok()?,
        };
        Some(Self(bits))
    }
}

/// Checks that are left, refilled with time: at most those of one second.
struct Bucket {
    /// In parts of a check; below zero where one has cost more than was left.
    left: i64,
    filled: Option<Time>,
}

/// A check in the unit of `Bucket::left`.
const CHECK: i64 = 1_000_000;

impl Bucket {
    fn full(limit: u32) -> Self {
        Self {
            left: i64::from(limit) * CHECK,
            filled: None,
        }
    }

    fn take(&mut self, limit: u32, now: Time) -> Result<(), Spent> {
        self.fill(limit, now);
        if self.left < CHECK {
            return Err(Spent);
        }
        self.left -= CHECK;
        Ok(())
    }

    fn fill(&mut self, limit: u32, now: Time) {
        let most = i64::from(limit) * CHECK;
        let filled = self.filled.replace(now).unwrap_or(now);
        // What a longer time would give is more than the bucket holds.
        let passed = i64::try_from(now.since(filled).min(10 * SECOND)).unwrap_or(0);
        let nanoseconds_per_part = i64::try_from(SECOND).unwrap_or(1) / CHECK;
        let refilled = passed / nanoseconds_per_part * i64::from(limit);
        self.left = self.left.saturating_add(refilled).min(most);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use http_filter::{SECOND, Time};

    use super::{Address, Limits, SignatureBudget, Spent};

    const START: Time = Time::from_nanoseconds(1_000 * SECOND);

    fn budget(per_second: u32, per_address: Option<u32>) -> SignatureBudget {
        SignatureBudget::new(Limits {
            per_second,
            per_address,
        })
    }

    fn taken(budget: &mut SignatureBudget, address: Option<Address>, now: Time) -> usize {
        (0..1000)
            .take_while(|_| budget.take(address, now).is_ok())
            .count()
    }

    #[test]
    fn a_second_has_so_many_checks_and_they_come_back_evenly() {
        let mut budget = budget(10, None);
        assert_eq!(taken(&mut budget, None, START), 10);
        assert_eq!(taken(&mut budget, None, START.plus(SECOND / 2)), 5);
        assert_eq!(taken(&mut budget, None, START.plus(60 * SECOND)), 10);
    }

    #[test]
    fn one_address_can_not_spend_the_others_checks() {
        let mut budget = budget(10, Some(2));
        let address = |text: &str| Address::parse(text.as_bytes());
        assert_eq!(taken(&mut budget, address("10.0.0.1:1"), START), 2);
        assert_eq!(taken(&mut budget, address("10.0.0.1:2"), START), 0);
        assert_eq!(taken(&mut budget, address("10.0.0.2:1"), START), 2);
        assert_eq!(taken(&mut budget, address("[2001:db8::1]:1"), START), 2);
        assert_eq!(taken(&mut budget, address("[2001:db8::2]:1"), START), 0);
    }

    #[test]
    fn a_check_that_cost_more_is_paid_for_later() {
        let mut budget = budget(10, None);
        assert_eq!(budget.take(None, START), Ok(()));
        budget.charge(19);
        assert_eq!(budget.take(None, START.plus(SECOND)), Err(Spent));
        assert_eq!(budget.take(None, START.plus(SECOND + SECOND / 10)), Ok(()));
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_and_takes_nothing() {
        let mut budget = budget(2, None);
        assert_eq!(taken(&mut budget, None, START), 2);
        assert_eq!(taken(&mut budget, None, Time::from_nanoseconds(0)), 0);
        assert_eq!(taken(&mut budget, None, Time::from_nanoseconds(SECOND)), 2);
    }

    #[test]
    fn an_ipv4_address_is_the_same_within_ipv6() {
        let one = Address::parse(b"[::ffff:10.0.0.1]:7");
        assert_eq!(one, Address::parse(b"10.0.0.1:8"));
        assert!(one.is_some());
        assert_eq!(Address::parse(b"10.0.0.1"), None);
        assert_eq!(Address::parse(b"\xff"), None);
    }
}
