//! How many requests wait for keys.

use std::cell::Cell;
use std::rc::Rc;

/// A bounded number of seats, so that tokens of keys that nobody has can't pile up requests.
#[derive(Clone)]
pub(crate) struct WaitingRoom(Rc<Cell<usize>>);

/// A seat; it is free again when this is dropped.
pub(crate) struct Seat(Rc<Cell<usize>>);

/// Requests of one worker that wait at a time. Each holds its headers, some kilobytes.
const SEATS: usize = 256;

impl Default for WaitingRoom {
    fn default() -> Self {
        Self(Rc::new(Cell::new(SEATS)))
    }
}

impl WaitingRoom {
    /// Takes a seat, if one is free.
    pub(crate) fn take(&self) -> Option<Seat> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(Seat(Rc::clone(&self.0)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{SEATS, WaitingRoom};

    #[test]
    fn there_are_so_many_seats_and_one_that_is_left_is_free() {
        let room = WaitingRoom::default();
        let mut seats: Vec<_> = (0..SEATS).filter_map(|_| room.take()).collect();
        assert_eq!(seats.len(), SEATS);
        assert!(room.take().is_none());
        seats.pop();
        assert!(room.take().is_some());
    }
}
