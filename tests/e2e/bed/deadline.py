"""Waiting for something that happens soon, never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 5.0, what: str = "the condition") -> T:
    """What `look` returns once that is true; an error after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"{what} didn't hold within {seconds} s; last seen: {seen!r}")
        time.sleep(0.02)
