//! The `log` facade on the proxy's log.

use std::cell::Cell;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::abi;

struct ProxyLog;

static PROXY_LOG: ProxyLog = ProxyLog;

/// Makes the proxy's log the target of the `log` facade.
pub(crate) fn install() {
    // It fails only where a logger stands already: this one, of another plugin of the same VM.
    let _ = log::set_logger(&PROXY_LOG);
}

/// For how long a level is taken for the proxy's, in nanoseconds: each look costs a call.
const LEVEL_HOLDS: u64 = 1_000_000;

thread_local! {
    /// When the level was taken over, in nanoseconds. A VM has one thread.
    static LOOKED_AT: Cell<u64> = const { Cell::new(0) };
}

/// Takes over the proxy's level, so that what it would drop isn't formatted.
pub(crate) fn follow_level(now: u64) {
    if LOOKED_AT.get().abs_diff(now) < LEVEL_HOLDS {
        return;
    }
    LOOKED_AT.set(now);
    let level = match abi::log_level() {
        Ok(0) => LevelFilter::Trace,
        Ok(1) => LevelFilter::Debug,
        Ok(3) => LevelFilter::Warn,
        Ok(4 | 5) => LevelFilter::Error,
        Ok(_) | Err(_) => LevelFilter::Info,
    };
    log::set_max_level(level);
}

impl Log for ProxyLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Trace => 0,
            Level::Debug => 1,
            Level::Info => 2,
            Level::Warn => 3,
            Level::Error => 4,
        };
        abi::log(level, &record.args().to_string());
    }

    fn flush(&self) {}
}
