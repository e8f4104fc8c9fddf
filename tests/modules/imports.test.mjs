// Each shipped module imports only what this list names: a module that asks its host for more
// (a file, a socket, a clock that nobody passed in) does something that no filter should.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const modules = process.env.MODULES ?? ".build/wasm";

const shipped = ["auth", "model-router", "pii-redactor", "response-cache", "token-counter"];

// proxy-wasm ABI 0.2.1: what proxy-wasm-host calls, and what the default methods of the SDK's
// traits would. Nothing beyond the proxy's own objects: a stream, a call to one of its clusters,
// shared data, metrics, its log.
const proxy = new Set([
  "proxy_add_header_map_value",
  "proxy_call_foreign_function",
  "proxy_close_stream",
  "proxy_continue_stream",
  "proxy_define_metric",
  "proxy_dequeue_shared_queue",
  "proxy_done",
  "proxy_enqueue_shared_queue",
  "proxy_get_buffer_bytes",
  "proxy_get_current_time_nanoseconds",
  "proxy_get_header_map_pairs",
  "proxy_get_header_map_value",
  "proxy_get_log_level",
  "proxy_get_property",
  "proxy_get_shared_data",
  "proxy_get_status",
  "proxy_grpc_call",
  "proxy_grpc_cancel",
  "proxy_grpc_close",
  "proxy_grpc_send",
  "proxy_grpc_stream",
  "proxy_http_call",
  "proxy_increment_metric",
  "proxy_log",
  "proxy_record_metric",
  "proxy_register_shared_queue",
  "proxy_remove_header_map_value",
  "proxy_replace_header_map_value",
  "proxy_resolve_shared_queue",
  "proxy_send_local_response",
  "proxy_set_buffer_bytes",
  "proxy_set_effective_context",
  "proxy_set_header_map_pairs",
  "proxy_set_property",
  "proxy_set_shared_data",
  "proxy_set_tick_period_milliseconds",
]);

// What Rust's standard library needs of WASI; Envoy gives no files and no sockets anyway.
const wasi = new Set([
  "environ_get",
  "environ_sizes_get",
  "fd_write",
  "proc_exit",
  "random_get",
]);

const allowed = { env: proxy, wasi_snapshot_preview1: wasi };

test("the folder holds the shipped modules and nothing else", () => {
  const found = readdirSync(modules).filter((name) => name.endsWith(".wasm"));
  assert.deepEqual(found.sort(), shipped.map((name) => `${name}.wasm`));
});

for (const name of shipped) {
  const module = new WebAssembly.Module(readFileSync(join(modules, `${name}.wasm`)));

  test(`${name} imports only what the list names`, () => {
    const imports = WebAssembly.Module.imports(module);
    assert.ok(imports.length > 0, "a filter without imports can't do anything");
    const strangers = imports.filter((each) => !allowed[each.module]?.has(each.name));
    assert.deepEqual(strangers.map((each) => `${each.module}.${each.name}`), []);
  });

  test(`${name} exports the callbacks of proxy-wasm ABI 0.2.1`, () => {
    const names = new Set(WebAssembly.Module.exports(module).map((each) => each.name));
    for (const callback of ["_initialize", "proxy_abi_version_0_2_1", "proxy_on_context_create", "memory"]) {
      assert.ok(names.has(callback), `${callback} is missing`);
    }
  });
}
