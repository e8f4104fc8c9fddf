//! Stands in for the imported functions where there is no proxy, so that the crate builds and
//! its own logic can be tested natively: every read finds nothing, every write succeeds, and what
//! would move a stream is recorded.
#![allow(clippy::too_many_arguments)] // The ABI has them.

use std::cell::RefCell;
use std::time::Duration;

use proxy_wasm::types::Status;

/// What would have moved a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// The half with this number goes on.
    Resumed(u32),
    /// The client was answered with this status.
    Answered(u32),
    /// What follows means this stream or root.
    Turned(u32),
}

thread_local! {
    static MOVED: RefCell<Vec<Moved>> = const { RefCell::new(Vec::new()) };
}

/// What would have moved a stream on this thread since the last call.
#[cfg(test)]
pub(crate) fn moved() -> Vec<Moved> {
    MOVED.take()
}

/// The SDK's function of this name, where no cluster is known.
pub(crate) fn dispatch_http_call(
    _: &str,
    _: Vec<(&str, &str)>,
    _: Option<&[u8]>,
    _: Vec<(&str, &str)>,
    _: Duration,
) -> Result<u32, Status> {
    Err(Status::InternalFailure)
}

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;

pub(super) unsafe fn proxy_log(_: u32, _: *const u8, _: usize) -> u32 {
    OK
}

pub(super) unsafe fn proxy_get_log_level(_: *mut u32) -> u32 {
    OK
}

pub(super) unsafe fn proxy_get_current_time_nanoseconds(_: *mut u64) -> u32 {
    OK
}

pub(super) unsafe fn proxy_set_tick_period_milliseconds(_: u32) -> u32 {
    OK
}

pub(super) unsafe fn proxy_get_buffer_bytes(
    _: u32,
    _: usize,
    _: usize,
    _: *mut *mut u8,
    _: *mut usize,
) -> u32 {
    NOT_FOUND
}

pub(super) unsafe fn proxy_set_buffer_bytes(
    _: u32,
    _: usize,
    _: usize,
    _: *const u8,
    _: usize,
) -> u32 {
    OK
}

pub(super) unsafe fn proxy_get_header_map_pairs(_: u32, _: *mut *mut u8, _: *mut usize) -> u32 {
    NOT_FOUND
}

pub(super) unsafe fn proxy_get_header_map_value(
    _: u32,
    _: *const u8,
    _: usize,
    _: *mut *mut u8,
    _: *mut usize,
) -> u32 {
    NOT_FOUND
}

pub(super) unsafe fn proxy_replace_header_map_value(
    _: u32,
    _: *const u8,
    _: usize,
    _: *const u8,
    _: usize,
) -> u32 {
    OK
}

pub(super) unsafe fn proxy_remove_header_map_value(_: u32, _: *const u8, _: usize) -> u32 {
    OK
}

pub(super) unsafe fn proxy_get_property(
    _: *const u8,
    _: usize,
    _: *mut *mut u8,
    _: *mut usize,
) -> u32 {
    NOT_FOUND
}

pub(super) unsafe fn proxy_set_property(_: *const u8, _: usize, _: *const u8, _: usize) -> u32 {
    OK
}

pub(super) unsafe fn proxy_get_shared_data(
    _: *const u8,
    _: usize,
    _: *mut *mut u8,
    _: *mut usize,
    _: *mut u32,
) -> u32 {
    NOT_FOUND
}

pub(super) unsafe fn proxy_set_shared_data(
    _: *const u8,
    _: usize,
    _: *const u8,
    _: usize,
    _: u32,
) -> u32 {
    OK
}

pub(super) unsafe fn proxy_continue_stream(half: u32) -> u32 {
    MOVED.with_borrow_mut(|moved| moved.push(Moved::Resumed(half)));
    OK
}

pub(super) unsafe fn proxy_send_local_response(
    status: u32,
    _: *const u8,
    _: usize,
    _: *const u8,
    _: usize,
    _: *const u8,
    _: usize,
    _: i32,
) -> u32 {
    MOVED.with_borrow_mut(|moved| moved.push(Moved::Answered(status)));
    OK
}

pub(super) unsafe fn proxy_define_metric(_: u32, _: *const u8, _: usize, _: *mut u32) -> u32 {
    OK
}

pub(super) unsafe fn proxy_increment_metric(_: u32, _: i64) -> u32 {
    OK
}

pub(super) unsafe fn proxy_record_metric(_: u32, _: u64) -> u32 {
    OK
}

pub(super) unsafe fn proxy_set_effective_context(context: u32) -> u32 {
    MOVED.with_borrow_mut(|moved| moved.push(Moved::Turned(context)));
    OK
}

pub(super) unsafe fn proxy_call_foreign_function(
    _: *const u8,
    _: usize,
    _: *const u8,
    _: usize,
    _: *mut *mut u8,
    _: *mut usize,
) -> u32 {
    OK
}

pub(super) unsafe fn random_get(_: *mut u8, _: usize) -> u16 {
    0
}
