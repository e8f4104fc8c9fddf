//! What a filter asks and changes beyond the message, carried out by the proxy.

use std::time::Duration;

use http_filter::{
    Call, CallId, CallRefused, Conflict, Environment, Expected, Host, Metric, Versioned, Worker,
    WorkerHost,
};
#[cfg(target_arch = "wasm32")]
use proxy_wasm::hostcalls::dispatch_http_call;

#[cfg(not(target_arch = "wasm32"))]
use crate::abi::absent::dispatch_http_call;
use crate::{abi, series};

/// The proxy, as filters see it.
pub(crate) struct Proxy;

impl Worker for Proxy {
    fn shared(&self, key: &str) -> Option<Versioned> {
        let (value, version) = abi::shared_data(key)?;
        Some(Versioned { value, version })
    }

    fn set_shared(&mut self, key: &str, value: &[u8], expected: Expected) -> Result<(), Conflict> {
        // A version is compared only where there is a value, and real ones start at 1 and count
        // up: with a version that none has, a value is written only where there was none.
        const NONE_HAS: u32 = u32::MAX;
        let version = match expected {
            Expected::Anything => 0,
            Expected::Absent => NONE_HAS,
            Expected::Version(version) => version,
        };
        match abi::set_shared_data(key, value, version) {
            Ok(()) => Ok(()),
            Err(abi::Failed::CAS_MISMATCH) => Err(Conflict),
            Err(failed) => {
                log::error!("shared data can't be written: {failed:?}");
                Ok(())
            }
        }
    }

    fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused> {
        // The SDK's own function: only it can tell the SDK's dispatcher whose call this is. It
        // panics on no status that a host gives for bad input.
        dispatch_http_call(
            call.cluster,
            call.headers.to_vec(),
            Some(call.body).filter(|body| !body.is_empty()),
            Vec::new(),
            Duration::from_millis(u64::from(call.timeout_milliseconds)),
        )
        .map(CallId)
        .map_err(|status| {
            log::error!("call to cluster {} refused: {status:?}", call.cluster);
            CallRefused
        })
    }

    fn record(&mut self, metric: Metric<'_>) {
        series::record(metric);
    }

    fn random(&mut self) -> u64 {
        abi::random().unwrap_or_else(|failed| {
            log::error!("no random bits: {failed:?}");
            abi::now()
        })
    }
}

impl Host for Proxy {
    fn fact(&self, key: &str) -> Option<Vec<u8>> {
        abi::property(key)
    }

    fn publish(&mut self, key: &str, value: &[u8]) {
        if let Err(failed) = abi::set_property(key, value) {
            log::error!("fact {key} can't be published: {failed:?}");
        }
    }

    fn choose_route_anew(&mut self) {
        if let Err(failed) = abi::call_foreign_function("clear_route_cache") {
            log::error!("the route can't be chosen anew: {failed:?}");
        }
    }
}

impl WorkerHost for Proxy {}

/// The environment that the plugin's resource lets it see.
pub(crate) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
