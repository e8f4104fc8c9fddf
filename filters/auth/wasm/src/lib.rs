//! The filter `auth` as a proxy-wasm module.

proxy_wasm_host::export!(auth::Auth);
