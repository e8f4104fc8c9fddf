//! The documents of one worker, whatever they hold.

use std::cell::RefCell;

use http_filter::{Answer, CallId, Time, WorkerHost};

use crate::fetched::{Change, Fetched};

/// A document that is kept fresh.
pub(crate) trait Document {
    /// Time has passed.
    fn tick(&self, now: Time, host: &mut dyn WorkerHost) -> Change;

    /// A call has its answer; `None` where it is another document's.
    fn answered(
        &self,
        now: Time,
        call: CallId,
        answer: Option<&dyn Answer>,
        host: &mut dyn WorkerHost,
    ) -> Option<Change>;
}

impl<T> Document for RefCell<Fetched<T>> {
    fn tick(&self, now: Time, host: &mut dyn WorkerHost) -> Change {
        self.borrow_mut().tick(now, host)
    }

    fn answered(
        &self,
        now: Time,
        call: CallId,
        answer: Option<&dyn Answer>,
        host: &mut dyn WorkerHost,
    ) -> Option<Change> {
        self.borrow_mut().answered(now, call, answer, host)
    }
}
