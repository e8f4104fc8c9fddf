// A proxy calls each callback that a module exports, for every stream: a module exports those that its
// filter looks at (tools/trim_module.py), and all that it needs to live.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const modules = process.env.MODULES ?? ".build/wasm";

const life = [
  "proxy_abi_version_0_2_1",
  "proxy_on_configure",
  "proxy_on_context_create",
  "proxy_on_delete",
  "proxy_on_http_call_response",
  "proxy_on_memory_allocate",
  "proxy_on_request_headers",
  "proxy_on_tick",
  "proxy_on_vm_start",
];

const rest = [
  "proxy_on_log",
  "proxy_on_request_body",
  "proxy_on_request_trailers",
  "proxy_on_response_body",
  "proxy_on_response_headers",
  "proxy_on_response_trailers",
];

const looksAt = {
  auth: ["proxy_on_request_trailers"],
  "model-router": rest,
  "pii-redactor": rest,
  "response-cache": rest,
  "token-counter": rest,
};

for (const [name, callbacks] of Object.entries(looksAt)) {
  test(`${name} exports the callbacks that it looks at and no others`, () => {
    const module = new WebAssembly.Module(readFileSync(join(modules, `${name}.wasm`)));
    const exported = WebAssembly.Module.exports(module).map((entry) => entry.name);
    const found = exported.filter((entry) => entry.startsWith("proxy_"));
    assert.deepEqual(found.sort(), [...life, ...callbacks].sort());
  });
}
