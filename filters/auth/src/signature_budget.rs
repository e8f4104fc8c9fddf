//! How many signatures are checked, so that forged tokens can't take the processor.
//!
//! The unit is a check that the proxy makes, some 0.05 ms. Checks that this filter makes itself cost
//! a multiple of that, and have a budget of their own: whoever floods the gateway with them keeps
//! out nobody whose tokens the proxy verifies.

use http_filter::{SECOND, Time};
use jwt::Algorithm;

use crate::clock_cache::ClockCache;

/// The most addresses that are counted at a time; some 200 KiB. Who has more of them is still held
/// by the worker's own bound.
const MOST_ADDRESSES: usize = 4096;

/// Signature checks per second, of one worker and of each client address.
pub(crate) struct SignatureBudget {
    limits: Limits,
    by_proxy: Bucket,
    by_filter: Bucket,
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

/// What checks cost, and who makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// In checks by the proxy.
    units: u32,
    by_filter: bool,
}

/// There is nothing left for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent;

impl SignatureBudget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            by_proxy: Bucket::full(limits.per_second),
            by_filter: Bucket::full(limits.per_second),
            addresses: ClockCache::new(MOST_ADDRESSES),
        }
    }

    /// Whether addresses are counted.
    pub(crate) fn asks_for_addresses(&self) -> bool {
        self.limits.per_address.is_some()
    }

    /// Takes checks for an address, before they are made. Where anything is left they may cost
    /// more than that, so each limit lets through what costs more than itself, only less often.
    ///
    /// # Errors
    /// [`Spent`] where worker or address have none left; nothing is taken then.
    pub(crate) fn take(
        &mut self,
        cost: Cost,
        address: Option<Address>,
        now: Time,
    ) -> Result<(), Spent> {
        let Limits {
            per_second,
            per_address,
        } = self.limits;
        let worker = match cost.by_filter {
            false => &mut self.by_proxy,
            true => &mut self.by_filter,
        };
        worker.fill(per_second, now);
        worker.has_some()?;
        if let (Some(address), Some(limit)) = (address, per_address) {
            if self.addresses.get(&address).is_none() {
                self.addresses.insert(address, Bucket::full(limit));
            }
            if let Some(bucket) = self.addresses.get(&address) {
                bucket.fill(limit, now);
                bucket.has_some()?;
                bucket.spend(cost);
            }
        }
        worker.spend(cost);
        Ok(())
    }

    /// Gives back what was taken for checks that weren't made.
    pub(crate) fn give_back(&mut self, cost: Cost, address: Option<Address>) {
        let worker = match cost.by_filter {
            false => &mut self.by_proxy,
            true => &mut self.by_filter,
        };
        worker.earn(cost);
        if let Some(bucket) = address.and_then(|address| self.addresses.get(&address)) {
            bucket.earn(cost);
        }
    }
}

impl Cost {
    /// That of so many checks by the proxy.
    pub(crate) fn by_proxy(checks: usize) -> Self {
        Self {
            units: u32::try_from(checks).unwrap_or(u32::MAX),
            by_filter: false,
        }
    }

    /// That of so many checks by this filter, as they were measured.
    pub(crate) fn by_filter(algorithm: Algorithm, checks: usize) -> Self {
        let each = match algorithm {
            Algorithm::Hs256 => 1,
            Algorithm::EdDsa => 6,
            Algorithm::Es256 => 14,
            Algorithm::Es384 => 60,
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => 20,
        };
        let checks = u32::try_from(checks).unwrap_or(u32::MAX);
        Self {
            units: checks.saturating_mul(each),
            by_filter: true,
        }
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

    fn has_some(&self) -> Result<(), Spent> {
        if self.left > 0 { Ok(()) } else { Err(Spent) }
    }

    fn spend(&mut self, cost: Cost) {
        let parts = i64::from(cost.units).saturating_mul(CHECK);
        self.left = self.left.saturating_sub(parts);
    }

    /// More than there was before isn't given back: filling bounds it.
    fn earn(&mut self, cost: Cost) {
        let parts = i64::from(cost.units).saturating_mul(CHECK);
        self.left = self.left.saturating_add(parts);
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

    use jwt::Algorithm;

    use super::{Address, Cost, Limits, SignatureBudget, Spent};

    const START: Time = Time::from_nanoseconds(1_000 * SECOND);

    fn budget(per_second: u32, per_address: Option<u32>) -> SignatureBudget {
        SignatureBudget::new(Limits {
            per_second,
            per_address,
        })
    }

    fn taken(budget: &mut SignatureBudget, address: Option<Address>, now: Time) -> usize {
        (0..1000)
            .take_while(|_| budget.take(Cost::by_proxy(1), address, now).is_ok())
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
    fn what_costs_more_than_is_left_is_paid_for_later() {
        let mut budget = budget(10, None);
        let dear = Cost::by_filter(Algorithm::Ps256, 1);
        assert_eq!(budget.take(dear, None, START), Ok(()));
        assert_eq!(budget.take(dear, None, START.plus(SECOND)), Err(Spent));
        let paid = START.plus(SECOND + SECOND / 100);
        assert_eq!(budget.take(dear, None, paid), Ok(()));
    }

    #[test]
    fn checks_by_the_filter_leave_those_by_the_proxy_to_others() {
        let mut budget = budget(10, None);
        let dear = Cost::by_filter(Algorithm::Ps256, 4);
        assert_eq!(budget.take(dear, None, START), Ok(()));
        assert_eq!(budget.take(dear, None, START), Err(Spent));
        assert_eq!(taken(&mut budget, None, START), 10);
    }

    #[test]
    fn an_address_pays_in_full_for_what_it_makes_the_filter_check() {
        let mut budget = budget(1000, Some(20));
        let one = Address::parse(b"10.0.0.1:1");
        let dear = Cost::by_filter(Algorithm::Ps256, 1);
        let in_ten_seconds = (0..1000).filter(|step| {
            let now = START.plus(step * SECOND / 100);
            budget.take(dear, one, now).is_ok()
        });
        // The first left it nothing, and the least of what comes back then is enough for one more.
        assert_eq!(in_ten_seconds.count(), 11);
    }

    #[test]
    fn a_refusal_takes_nothing_and_what_was_not_used_comes_back() {
        let mut budget = budget(10, Some(1));
        let (one, two) = (Address::parse(b"10.0.0.1:1"), Address::parse(b"10.0.0.2:1"));
        let four = Cost::by_proxy(4);
        assert_eq!(budget.take(four, one, START), Ok(()));
        for _ in 0..100 {
            assert_eq!(budget.take(four, one, START), Err(Spent));
        }
        budget.give_back(Cost::by_proxy(3), one);
        assert_eq!(budget.take(four, one, START), Err(Spent));
        assert_eq!(taken(&mut budget, None, START), 9);
        assert_eq!(budget.take(four, two, START), Err(Spent));
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
