"""A Wasm module whose VM dies with every request: just enough of proxy-wasm to be loaded, then `unreachable`."""

from __future__ import annotations

I32 = 0x7F
FUNCTION, MEMORY = 0, 2

TYPES = (((), ()), ((I32,), (I32,)), ((I32, I32), ()), ((I32, I32), (I32,)), ((I32, I32, I32), (I32,)))
NOTHING, ONE, TRAP = b"\x0b", b"\x41\x01\x0b", b"\x00\x0b"
"""Bodies: nothing; the constant 1; `unreachable`."""

FUNCTIONS = (
    ("proxy_abi_version_0_2_1", 0, NOTHING),
    ("proxy_on_memory_allocate", 1, ONE),
    ("proxy_on_context_create", 2, NOTHING),
    ("proxy_on_vm_start", 3, ONE),
    ("proxy_on_configure", 3, ONE),
    ("proxy_on_request_headers", 4, TRAP),
)


def module() -> bytes:
    return b"".join((
        b"\0asm\1\0\0\0",
        _section(1, [b"\x60" + _list([bytes([kind]) for kind in takes]) + _list([bytes([kind]) for kind in gives])
                     for takes, gives in TYPES]),
        _section(3, [bytes([kind]) for _, kind, _ in FUNCTIONS]),
        _section(5, [b"\0\1"]),
        _section(7, [_export("memory", MEMORY, 0)] + [_export(name, FUNCTION, at) for at, (name, _, _) in enumerate(FUNCTIONS)]),
        _section(10, [_sized(b"\0" + body) for _, _, body in FUNCTIONS]),
    ))


def _section(number: int, entries: list[bytes]) -> bytes:
    return bytes([number]) + _sized(_list(entries))


def _list(entries: list[bytes]) -> bytes:
    return _number(len(entries)) + b"".join(entries)


def _sized(content: bytes) -> bytes:
    return _number(len(content)) + content


def _export(name: str, kind: int, at: int) -> bytes:
    return _sized(name.encode()) + bytes([kind]) + _number(at)


def _number(value: int) -> bytes:
    """Unsigned LEB128."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + _number(rest)
