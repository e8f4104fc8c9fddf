"""Progress goes to stderr; stdout holds the table alone."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
