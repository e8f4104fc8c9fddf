//! The streams that are stopped, so that the worker can wake them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use http_filter::Filter;

use crate::abi;
use crate::stream::Course;

/// The stopped streams of one plugin on one worker, by the numbers that the proxy gave them.
pub(crate) struct Waiting<F: Filter>(RefCell<BTreeMap<u32, Rc<RefCell<Course<F>>>>>);

impl<F: Filter> Default for Waiting<F> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<F: Filter> Waiting<F> {
    pub(crate) fn add(&self, id: u32, course: &Rc<RefCell<Course<F>>>) {
        self.0.borrow_mut().insert(id, Rc::clone(course));
    }

    pub(crate) fn remove(&self, id: u32) {
        self.0.borrow_mut().remove(&id);
    }

    /// Wakes each of them on behalf of the worker, whose own number is `root`.
    pub(crate) fn wake(&self, root: u32) {
        let streams = std::mem::take(&mut *self.0.borrow_mut());
        for (id, course) in streams {
            if let Err(failed) = abi::set_effective_context(id) {
                log::error!("{}: stream {id} can't be woken: {failed:?}", F::NAME);
                continue;
            }
            // What resumes a stream takes effect after this call of the module has returned, so
            // no other callback runs in between.
            let waits_on = course.borrow_mut().woken();
            if waits_on {
                self.add(id, &course);
            }
        }
        if let Err(failed) = abi::set_effective_context(root) {
            log::error!("{}: the worker's own context is gone: {failed:?}", F::NAME);
        }
    }
}
