"""Takes the callbacks out of a Wasm module that its filter doesn't look at: `trim_module.py MODULE…`, in place.

The proxy-wasm SDK exports every callback of the ABI, and a proxy calls all that a module exports: a call into a
virtual machine each, for every stream. What a filter looks at stands in the module's custom section
`ai_gateway.events` (`proxy_wasm_host::export!` writes it). The functions stay: only their exports go.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

HEADER = b"\0asm\x01\0\0\0"
CUSTOM, EXPORT = 0, 7
SECTION = b"ai_gateway.events"

OF_EVENT = (
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_log",
)
"""The callback of each event, by the number of its bit."""

OF_NO_FILTER = frozenset({
    "proxy_on_done",  # answers that all is done, as its absence does
    "proxy_on_downstream_connection_close",
    "proxy_on_downstream_data",
    "proxy_on_foreign_function",
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_receive_initial_metadata",
    "proxy_on_grpc_receive_trailing_metadata",
    "proxy_on_new_connection",
    "proxy_on_queue_ready",
    "proxy_on_upstream_connection_close",
    "proxy_on_upstream_data",
})
"""Callbacks of other extensions than HTTP filters, and of what the host crate doesn't use."""


class Malformed(Exception):
    pass


def trimmed(module: bytes) -> bytes:
    """The module without the exports of callbacks that nobody looks at."""
    unheard = OF_NO_FILTER | {name for bit, name in enumerate(OF_EVENT) if not _events(module) >> bit & 1}
    out = bytearray(HEADER)
    for kind, content in _sections(module):
        if kind == EXPORT:
            kept = [entry for name, entry in _exports(content) if name not in unheard]
            content = _number(len(kept)) + b"".join(kept)
        out += bytes([kind]) + _number(len(content)) + content
    return bytes(out)


def _events(module: bytes) -> int:
    """The byte of the custom section."""
    for kind, content in _sections(module):
        if kind == CUSTOM:
            size, at = _read_number(content, 0)
            if content[at:at + size] == SECTION and len(content) == at + size + 1:
                return content[-1]
    raise Malformed(f"there is no section {SECTION.decode()} of one byte")


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    if not module.startswith(HEADER):
        raise Malformed("this is no Wasm module")
    at = len(HEADER)
    while at < len(module):
        kind = module[at]
        size, start = _read_number(module, at + 1)
        at = start + size
        if at > len(module):
            raise Malformed("a section is longer than the module")
        yield kind, module[start:at]


def _exports(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Each name with its whole entry: name, kind, index."""
    count, at = _read_number(content, 0)
    for _ in range(count):
        start = at
        size, at = _read_number(content, at)
        name = content[at:at + size].decode()
        _index, at = _read_number(content, at + size + 1)
        yield name, content[start:at]


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 and the place behind it."""
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7f) << shift
        if data[at] < 0x80:
            return value, at + 1
        shift += 7
        at += 1
    raise Malformed("a number doesn't end")


def _number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def main() -> int:
    for path in map(Path, sys.argv[1:]):
        try:
            path.write_bytes(trimmed(path.read_bytes()))
        except Malformed as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
