//! A bounded map that forgets what wasn't asked for lately.

use std::hash::Hash;

use hashbrown::HashMap;

/// A map of at most so many entries. A new one takes the place of one that nobody has asked for
/// since the hand last passed it (CLOCK: an approximation of LRU without its lists).
pub(crate) struct ClockCache<K, V> {
    slots: Vec<Slot<K, V>>,
    places: HashMap<K, usize>,
    hand: usize,
    most: usize,
}

struct Slot<K, V> {
    key: K,
    value: V,
    /// Somebody asked for it since the hand passed.
    asked: bool,
}

impl<K: Copy + Eq + Hash, V> ClockCache<K, V> {
    /// For at most so many entries, and at least one.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            slots: Vec::new(),
            places: HashMap::new(),
            hand: 0,
            most: most.max(1),
        }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        let slot = self.slots.get_mut(*self.places.get(key)?)?;
        slot.asked = true;
        Some(&mut slot.value)
    }

    /// Puts a value under a key, in place of one that is there.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let slot = Slot {
            key,
            value,
            asked: false,
        };
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if self.slots.len() < self.most => {
                self.places.insert(key, self.slots.len());
                self.slots.push(slot);
                return;
            }
            None => self.make_room(key),
        };
        if let Some(old) = self.slots.get_mut(place) {
            *old = slot;
        }
    }

    /// The place of the first entry from the hand on that nobody asked for, given to `key`. After
    /// one round there is one.
    fn make_room(&mut self, key: K) -> usize {
        loop {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.most;
            match self.slots.get_mut(place) {
                Some(slot) if slot.asked => slot.asked = false,
                Some(slot) => {
                    self.places.remove(&slot.key);
                    self.places.insert(key, place);
                    return place;
                }
                // The hand stays within the slots, of which there are `most` here.
                None => self.hand = 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::ClockCache;

    #[test]
    fn what_was_asked_for_outlives_what_was_not() {
        let mut cache = ClockCache::new(3);
        for key in 0..3 {
            cache.insert(key, key);
        }
        assert_eq!(cache.get(&0).copied(), Some(0));
        cache.insert(3, 3);
        assert_eq!(cache.get(&1), None);
        for key in [0, 2, 3] {
            assert_eq!(cache.get(&key).copied(), Some(key));
        }
    }

    #[test]
    fn it_never_holds_more_than_its_bound_and_a_used_entry_survives_a_flood() {
        let mut cache = ClockCache::new(8);
        cache.insert(u32::MAX, 0);
        for key in 0..1000 {
            assert!(cache.get(&u32::MAX).is_some(), "{key}");
            cache.insert(key, 0);
            assert!(cache.slots.len() <= 8 && cache.places.len() == cache.slots.len());
        }
    }

    #[test]
    fn a_key_has_one_value_the_last() {
        let mut cache = ClockCache::new(2);
        cache.insert(1, "a");
        cache.insert(1, "b");
        cache.insert(2, "c");
        assert_eq!(cache.get(&1).copied(), Some("b"));
        assert_eq!(cache.get(&2).copied(), Some("c"));
    }
}
