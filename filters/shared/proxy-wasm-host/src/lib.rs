//! Runs an [`http_filter::Filter`] inside a proxy-wasm host such as Envoy.
//!
//! This is the only crate that names proxy_wasm. The SDK receives the proxy's callbacks; every
//! call to the proxy goes through [`abi`], which checks each status and can't panic, whatever
//! bytes a peer has sent.
//!
//! A module's cdylib is one line: `proxy_wasm_host::export!(auth::Auth);`

mod abi;
mod effects;
mod logger;
mod message;
mod pairs;
mod plugin;
mod series;
mod signature;
mod stream;
mod waiting;

#[doc(hidden)]
pub use proxy_wasm;

use http_filter::Filter;
use plugin::Plugin;
use proxy_wasm::traits::RootContext;

/// Exports a filter as a proxy-wasm module.
#[macro_export]
macro_rules! export {
    ($filter:ty) => {
        #[allow(missing_docs)] // The SDK's macro writes a function without any.
        mod module {
            $crate::proxy_wasm::main! {{ $crate::start::<$filter>(); }}
        }
    };
}

/// Registers the filter with the SDK; called once, when the VM starts.
#[doc(hidden)]
pub fn start<F: Filter>() {
    logger::install();
    proxy_wasm::set_root_context(|id| -> Box<dyn RootContext> { Box::new(Plugin::<F>::new(id)) });
}
