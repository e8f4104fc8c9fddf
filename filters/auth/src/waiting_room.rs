//! How many requests wait for keys, and how much they bring along.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Seats for requests that wait, so that tokens of keys that nobody has can't pile up requests.
///
/// The proxy holds what comes of a body meanwhile, so seats are bounded in number and in bytes. Each
/// issuer has a share of both, and so have all key lists together: a flood of tokens of one issuer
/// leaves the callers of another theirs.
#[derive(Clone)]
pub(crate) struct WaitingRoom(Rc<RefCell<Taken>>);

/// A seat; it is free again when this is dropped.
pub(crate) struct Seat {
    room: WaitingRoom,
    issuer: Rc<str>,
    load: Load,
}

/// What is taken, in sum and by issuer.
struct Taken {
    sum: Load,
    /// One entry for each issuer that somebody waits for.
    by_issuer: BTreeMap<Rc<str>, Load>,
    share: Load,
}

/// A number of requests and what the proxy may hold of their bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Load {
    requests: usize,
    bytes: usize,
}

/// What may wait in one worker at a time.
const MOST: Load = Load {
    requests: 256,
    bytes: 32 << 20,
};

/// What the proxy holds at most of a body that goes no further: twice its buffer's bound, which is
/// 1 MiB for a connection of HTTP/1.1, and the window of a stream for HTTP/2. A longer body stays
/// with its sender.
const MOST_HELD_BYTES: usize = 2 << 20;

/// Each issuer has an equal share, though never less than one of so many: a share has to be of use.
const MOST_SHARES: usize = 4;

impl WaitingRoom {
    /// For those who wait for one of so many documents.
    pub(crate) fn new(documents: usize) -> Self {
        let shares = documents.clamp(1, MOST_SHARES);
        let share = Load {
            requests: MOST.requests / shares,
            bytes: MOST.bytes / shares,
        };
        Self(Rc::new(RefCell::new(Taken {
            sum: Load::default(),
            by_issuer: BTreeMap::new(),
            share,
        })))
    }

    /// Takes a seat among those who wait for that issuer's keys, or for a key list where it is
    /// empty, if one is free. `body` is the length of the request's body in bytes; `None` is one
    /// that nobody knows.
    pub(crate) fn take(&self, issuer: &str, body: Option<usize>) -> Option<Seat> {
        let load = Load {
            requests: 1,
            bytes: body.unwrap_or(usize::MAX).min(MOST_HELD_BYTES),
        };
        let mut taken = self.0.borrow_mut();
        let sum = taken.sum.with(load).within(MOST)?;
        let issuer: Rc<str> = issuer.into();
        let of_issuer = taken.by_issuer.get(&issuer).copied().unwrap_or_default();
        let of_issuer = of_issuer.with(load).within(taken.share)?;
        taken.sum = sum;
        taken.by_issuer.insert(Rc::clone(&issuer), of_issuer);
        Some(Seat {
            room: self.clone(),
            issuer,
            load,
        })
    }
}

impl Load {
    fn with(self, more: Self) -> Self {
        Self {
            requests: self.requests + more.requests,
            bytes: self.bytes + more.bytes,
        }
    }

    fn without(self, less: Self) -> Self {
        Self {
            requests: self.requests - less.requests,
            bytes: self.bytes - less.bytes,
        }
    }

    fn within(self, most: Self) -> Option<Self> {
        (self.requests <= most.requests && self.bytes <= most.bytes).then_some(self)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.room.0.borrow_mut();
        taken.sum = taken.sum.without(self.load);
        let Some(of_issuer) = taken.by_issuer.get_mut(&self.issuer) else {
            return;
        };
        *of_issuer = of_issuer.without(self.load);
        if of_issuer.requests == 0 {
            taken.by_issuer.remove(&self.issuer);
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{MOST, MOST_HELD_BYTES, Seat, WaitingRoom};

    fn fill(room: &WaitingRoom, issuer: &str, body: Option<usize>) -> Vec<Seat> {
        std::iter::from_fn(|| room.take(issuer, body)).collect()
    }

    #[test]
    fn there_are_so_many_seats_and_one_that_is_left_is_free() {
        let room = WaitingRoom::new(1);
        let mut seats = fill(&room, "a", Some(0));
        assert_eq!(seats.len(), MOST.requests);
        seats.pop();
        assert!(room.take("a", Some(0)).is_some());
    }

    #[test]
    fn what_the_proxy_may_hold_of_their_bodies_is_bounded_too() {
        let room = WaitingRoom::new(1);
        // One that doesn't say how long it is, or is longer, is held up to the proxy's own bound.
        for body in [None, Some(MOST_HELD_BYTES), Some(usize::MAX)] {
            assert_eq!(fill(&room, "a", body).len(), MOST.bytes / MOST_HELD_BYTES);
        }
        let full = fill(&room, "a", None);
        assert!(room.take("a", Some(1)).is_none());
        assert!(room.take("a", Some(0)).is_some());
        drop(full);
        assert!(room.take("a", None).is_some());
    }

    #[test]
    fn a_flood_for_one_issuer_leaves_the_others_their_share() {
        for (issuers, shares) in [(2, 2), (3, 3), (50, 4)] {
            let room = WaitingRoom::new(issuers);
            for body in [Some(0), None] {
                let flood = fill(&room, "a", body);
                let other = fill(&room, "b", body);
                assert_eq!(flood.len(), other.len());
                let alone = fill(&WaitingRoom::new(1), "a", body).len();
                assert_eq!(flood.len(), alone / shares);
            }
        }
    }

    #[test]
    fn the_sum_is_bounded_whatever_the_shares() {
        let room = WaitingRoom::new(50);
        let names: Vec<String> = (0..50).map(|number| number.to_string()).collect();
        let waiting = names.iter().flat_map(|name| fill(&room, name, Some(0)));
        assert_eq!(waiting.collect::<Vec<_>>().len(), MOST.requests);
    }
}
