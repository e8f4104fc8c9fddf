//! The proxy's functions (proxy-wasm ABI 0.2.1), each with its status checked.
//!
//! The SDK's own wrappers panic on every status that they don't expect, and a panic takes the VM
//! down; these return it.
#![allow(unsafe_code)] // The ABI passes raw pointers; each block says why it is sound.

use std::ptr::null_mut;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod absent;
#[cfg(not(target_arch = "wasm32"))]
use absent as imports;
#[cfg(target_arch = "wasm32")]
mod imports;

/// What the proxy answered, other than that all went well (`proxy_status_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed(u32);

impl Failed {
    /// The stored value isn't the expected one.
    pub(crate) const CAS_MISMATCH: Self = Self(8);
}

type Result<T> = std::result::Result<T, Failed>;

fn checked(status: u32) -> Result<()> {
    if status == 0 {
        Ok(())
    } else {
        Err(Failed(status))
    }
}

/// Where the proxy puts bytes that it returns.
struct Returned {
    data: *mut u8,
    size: usize,
}

impl Returned {
    fn new() -> Self {
        Self {
            data: null_mut(),
            size: 0,
        }
    }

    fn bytes(self) -> Vec<u8> {
        if self.data.is_null() || self.size == 0 {
            return Vec::new();
        }
        // SAFETY: the proxy allocated `size` bytes with the SDK's `proxy_on_memory_allocate`, a
        // boxed slice of the global allocator, filled them, and gave them away.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}

/// Which headers (`proxy_map_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
    CallResponse = 6,
}

/// Which bytes (`proxy_buffer_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CallResponseBody = 4,
    PluginConfiguration = 7,
}

/// Which half of a stream (`proxy_stream_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Request = 0,
    Response = 1,
}

/// What a metric is (`proxy_metric_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MetricKind {
    Counter = 0,
    Histogram = 2,
}

pub(crate) fn log(level: u32, message: &str) {
    // SAFETY: the proxy reads the message during the call.
    let _ = unsafe { imports::proxy_log(level, message.as_ptr(), message.len()) };
}

pub(crate) fn log_level() -> Result<u32> {
    let mut level = 0;
    // SAFETY: the proxy writes one number.
    checked(unsafe { imports::proxy_get_log_level(&raw mut level) })?;
    Ok(level)
}

/// Nanoseconds since the Unix epoch; 0 if the proxy has no clock.
pub(crate) fn now() -> u64 {
    let mut time = 0;
    // SAFETY: the proxy writes one number.
    let _ = unsafe { imports::proxy_get_current_time_nanoseconds(&raw mut time) };
    time
}

pub(crate) fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    // SAFETY: the proxy writes eight bytes.
    checked(u32::from(unsafe {
        imports::random_get(bytes.as_mut_ptr(), bytes.len())
    }))?;
    Ok(u64::from_le_bytes(bytes))
}

pub(crate) fn set_tick_period(milliseconds: u32) -> Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { imports::proxy_set_tick_period_milliseconds(milliseconds) })
}

pub(crate) fn buffer(buffer: Buffer, most: usize) -> Result<Vec<u8>> {
    let mut returned = Returned::new();
    // SAFETY: the proxy writes one pointer and one size.
    checked(unsafe {
        imports::proxy_get_buffer_bytes(
            buffer as u32,
            0,
            most,
            &raw mut returned.data,
            &raw mut returned.size,
        )
    })?;
    Ok(returned.bytes())
}

/// Puts `bytes` in the place of the buffer's first `size` bytes.
pub(crate) fn set_buffer(buffer: Buffer, size: usize, bytes: &[u8]) -> Result<()> {
    // SAFETY: the proxy reads the bytes during the call.
    checked(unsafe {
        imports::proxy_set_buffer_bytes(buffer as u32, 0, size, bytes.as_ptr(), bytes.len())
    })
}

/// All headers, in the ABI's serialised form.
pub(crate) fn header_pairs(map: Map) -> Result<Vec<u8>> {
    let mut returned = Returned::new();
    // SAFETY: the proxy writes one pointer and one size.
    checked(unsafe {
        imports::proxy_get_header_map_pairs(
            map as u32,
            &raw mut returned.data,
            &raw mut returned.size,
        )
    })?;
    Ok(returned.bytes())
}

/// `None` where there is no such header, or no such headers at this time.
pub(crate) fn header(map: Map, name: &str) -> Option<Vec<u8>> {
    let mut returned = Returned::new();
    // SAFETY: the proxy reads the name during the call and writes one pointer and one size.
    let status = unsafe {
        imports::proxy_get_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            &raw mut returned.data,
            &raw mut returned.size,
        )
    };
    checked(status).ok().map(|()| returned.bytes())
}

pub(crate) fn set_header(map: Map, name: &str, value: &[u8]) -> Result<()> {
    // SAFETY: the proxy reads name and value during the call.
    checked(unsafe {
        imports::proxy_replace_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

pub(crate) fn remove_header(map: Map, name: &str) -> Result<()> {
    // SAFETY: the proxy reads the name during the call.
    checked(unsafe {
        imports::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len())
    })
}

/// `path` is one name, or several with a zero byte between.
pub(crate) fn property(path: &str) -> Option<Vec<u8>> {
    let mut returned = Returned::new();
    // SAFETY: the proxy reads the path during the call and writes one pointer and one size.
    let status = unsafe {
        imports::proxy_get_property(
            path.as_ptr(),
            path.len(),
            &raw mut returned.data,
            &raw mut returned.size,
        )
    };
    checked(status).ok().map(|()| returned.bytes())
}

pub(crate) fn set_property(path: &str, value: &[u8]) -> Result<()> {
    // SAFETY: the proxy reads path and value during the call.
    checked(unsafe {
        imports::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len())
    })
}

/// A shared value with its version.
pub(crate) fn shared_data(key: &str) -> Option<(Vec<u8>, u32)> {
    let mut returned = Returned::new();
    let mut version = 0;
    // SAFETY: the proxy reads the key during the call and writes one pointer and two numbers.
    let status = unsafe {
        imports::proxy_get_shared_data(
            key.as_ptr(),
            key.len(),
            &raw mut returned.data,
            &raw mut returned.size,
            &raw mut version,
        )
    };
    checked(status).ok().map(|()| (returned.bytes(), version))
}

/// `version` 0 writes unconditionally.
pub(crate) fn set_shared_data(key: &str, value: &[u8], version: u32) -> Result<()> {
    // SAFETY: the proxy reads key and value during the call.
    checked(unsafe {
        imports::proxy_set_shared_data(
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
            version,
        )
    })
}

pub(crate) fn resume(half: Half) -> Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { imports::proxy_continue_stream(half as u32) })
}

/// `headers` in the ABI's serialised form.
pub(crate) fn send_local_response(
    status: u16,
    details: &str,
    headers: &[u8],
    body: &[u8],
) -> Result<()> {
    const NO_GRPC_STATUS: i32 = -1;
    // SAFETY: the proxy reads details, body and headers during the call.
    checked(unsafe {
        imports::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

pub(crate) fn define_metric(kind: MetricKind, name: &str) -> Result<u32> {
    let mut metric = 0;
    // SAFETY: the proxy reads the name during the call and writes one number.
    checked(unsafe {
        imports::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut metric)
    })?;
    Ok(metric)
}

pub(crate) fn increment_metric(metric: u32, by: i64) -> Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { imports::proxy_increment_metric(metric, by) })
}

pub(crate) fn record_metric(metric: u32, value: u64) -> Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { imports::proxy_record_metric(metric, value) })
}

/// A function that only some proxies have, by its name.
pub(crate) fn call_foreign_function(name: &str, argument: &[u8]) -> Result<Vec<u8>> {
    let mut returned = Returned::new();
    // SAFETY: the proxy reads name and argument during the call and writes one pointer and one
    // size.
    checked(unsafe {
        imports::proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            argument.as_ptr(),
            argument.len(),
            &raw mut returned.data,
            &raw mut returned.size,
        )
    })?;
    Ok(returned.bytes())
}

/// Whose stream the following calls mean, until the next one.
pub(crate) fn set_effective_context(context: u32) -> Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { imports::proxy_set_effective_context(context) })
}
