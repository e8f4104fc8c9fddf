//! Which events a filter's streams look at.

use crate::Event;

/// Which events a filter's streams look at, see [`Stream::EVENTS`](crate::Stream::EVENTS).
///
/// A request's headers, the answers to a stream's calls and being woken belong to every set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events(u8);

impl Events {
    /// [`Event::RequestBody`].
    pub const REQUEST_BODY: Self = Self(1);
    /// [`Event::RequestTrailers`].
    pub const REQUEST_TRAILERS: Self = Self(1 << 1);
    /// [`Event::ResponseHeaders`].
    pub const RESPONSE_HEADERS: Self = Self(1 << 2);
    /// [`Event::ResponseBody`].
    pub const RESPONSE_BODY: Self = Self(1 << 3);
    /// [`Event::ResponseTrailers`].
    pub const RESPONSE_TRAILERS: Self = Self(1 << 4);
    /// [`Event::Ended`].
    pub const ENDED: Self = Self(1 << 5);

    /// All of them.
    pub const ALL: Self = Self(0b11_1111);

    /// What belongs to every set.
    const ALWAYS: Self = Self(0);

    /// The events of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The events of this set that aren't in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether an event belongs to the set.
    #[must_use]
    pub fn contain(self, event: &Event<'_>) -> bool {
        Self::of(event).without(self) == Self::ALWAYS
    }

    /// The set as a number: bit 0 is the first constant above.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    fn of(event: &Event<'_>) -> Self {
        match event {
            Event::RequestHeaders { .. } | Event::CallAnswered { .. } | Event::Woken { .. } => {
                Self::ALWAYS
            }
            Event::RequestBody { .. } => Self::REQUEST_BODY,
            Event::RequestTrailers => Self::REQUEST_TRAILERS,
            Event::ResponseHeaders { .. } => Self::RESPONSE_HEADERS,
            Event::ResponseBody { .. } => Self::RESPONSE_BODY,
            Event::ResponseTrailers => Self::RESPONSE_TRAILERS,
            Event::Ended => Self::ENDED,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Events;
    use crate::{CallId, Event, Headers};

    struct NoHeaders;

    impl Headers for NoHeaders {
        fn get(&self, _: &str) -> Option<Vec<u8>> {
            None
        }
        fn all(&self) -> Vec<(String, Vec<u8>)> {
            Vec::new()
        }
        fn set(&mut self, _: &str, _: &[u8]) {}
        fn remove(&mut self, _: &str) {}
    }

    #[test]
    fn a_set_contains_its_events_and_what_belongs_to_every_set() {
        let set = Events::REQUEST_TRAILERS.and(Events::ENDED);
        assert!(set.contain(&Event::RequestTrailers));
        assert!(set.contain(&Event::Ended));
        assert!(!set.contain(&Event::ResponseTrailers));
        let always = Event::CallAnswered {
            call: CallId(1),
            answer: None,
            headers: &mut NoHeaders,
        };
        assert!(set.contain(&always));
        assert!(!set.without(set).contain(&Event::Ended));
    }
}
