//! The proxy-wasm module of `token-counter`.

proxy_wasm_host::export!(token_counter::TokenCounter);
