//! Runs an [`http_filter::Filter`] inside a proxy-wasm host such as Envoy.
//!
//! This is the only crate that names proxy_wasm. The SDK receives the proxy's callbacks; every
//! call to the proxy goes through [`abi`], which checks each status and can't panic, whatever
//! bytes a peer has sent.
//!
//! A module's cdylib is one line: `proxy_wasm_host::export!(auth::Auth);`

mod abi;
mod effects;
mod headers;
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
///
/// The SDK exports every callback that there is, and the proxy calls all that are exported. So the
/// module says in a custom section which events its filter looks at (one byte,
/// [`Events::bits`](http_filter::Events::bits)), and `tools/trim_module.py` takes the exports of
/// the others out. A module that isn't trimmed does the same, only slower.
#[macro_export]
macro_rules! export {
    ($filter:ty) => {
        #[allow(missing_docs)] // The SDK's macro writes a function without any.
        mod module {
            $crate::proxy_wasm::main! {{ $crate::start::<$filter>(); }}

            // SAFETY: a section of this name holds these bytes and nothing else.
            #[cfg_attr(target_arch = "wasm32", unsafe(link_section = "ai_gateway.events"))]
            #[used]
            static EVENTS: [u8; 1] = [$crate::events::<$filter>()];
        }
    };
}

/// The events that the filter's streams look at.
#[doc(hidden)]
#[must_use]
pub const fn events<F: Filter>() -> u8 {
    <F::Stream as http_filter::Stream>::EVENTS.bits()
}

/// Registers the filter with the SDK; called once, when the VM starts.
#[doc(hidden)]
pub fn start<F: Filter>() {
    logger::install();
    proxy_wasm::set_root_context(|id| -> Box<dyn RootContext> { Box::new(Plugin::<F>::new(id)) });
}
