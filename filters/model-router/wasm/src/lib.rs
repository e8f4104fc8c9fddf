//! The `model-router` filter as a proxy-wasm module.

proxy_wasm_host::export!(model_router::ModelRouter);
