//! The proxy-wasm module of `response-cache`.

proxy_wasm_host::export!(response_cache::ResponseCache);
