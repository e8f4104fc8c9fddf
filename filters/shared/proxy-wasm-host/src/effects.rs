//! What a filter asks and changes beyond the message, carried out by the proxy.

use std::time::Duration;

use http_filter::{
    Call, CallId, CallRefused, Conflict, ConnectionProperty, Environment, Expected, Host, Metric,
    SignatureCheck, Versioned, Worker, WorkerHost,
};
#[cfg(target_arch = "wasm32")]
use proxy_wasm::hostcalls::dispatch_http_call;

#[cfg(not(target_arch = "wasm32"))]
use crate::abi::absent::dispatch_http_call;
use crate::{abi, series, signature};

/// The proxy, as filters see it.
#[derive(Default)]
pub(crate) struct Proxy {
    /// The worker wants its waiting streams woken.
    pub(crate) wakes: bool,
    /// No call can be made now: the SDK would hand its answer to somebody else.
    pub(crate) makes_no_calls: bool,
}

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
        if self.makes_no_calls {
            log::error!(
                "call to cluster {} refused: none can begin here",
                call.cluster
            );
            return Err(CallRefused);
        }
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

    fn verify_signature(&mut self, check: &SignatureCheck<'_>) -> Option<bool> {
        let result = abi::call_foreign_function("verify_signature", &signature::question(check));
        signature::answer(&result.ok()?)
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

    fn connection(&self, property: ConnectionProperty) -> Option<Vec<u8>> {
        match property {
            ConnectionProperty::PeerUri => abi::property("connection\0uri_san_peer_certificate"),
            ConnectionProperty::SourceAddress => abi::property("source\0address"),
            // The proxy gives a number of 64 bits.
            ConnectionProperty::DestinationPort => {
                let port = abi::property("destination\0port")?;
                let port = u64::from_le_bytes(port.try_into().ok()?);
                Some(port.to_string().into_bytes())
            }
        }
        .filter(|value| !value.is_empty())
    }

    fn choose_route_anew(&mut self) {
        if let Err(failed) = abi::call_foreign_function("clear_route_cache", &[]) {
            log::error!("the route can't be chosen anew: {failed:?}");
        }
    }
}

impl WorkerHost for Proxy {
    fn wake(&mut self) {
        self.wakes = true;
    }
}

/// The environment that the plugin's resource lets it see.
pub(crate) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
