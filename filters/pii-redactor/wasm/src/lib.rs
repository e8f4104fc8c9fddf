//! The filter `pii-redactor` as a proxy-wasm module.

proxy_wasm_host::export!(pii_redactor::PiiRedactor);
