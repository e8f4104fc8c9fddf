"""`python3 -m tools.keys`: makes an API key and prints it, once, with the entries that let it in.

The key is written nowhere. Who gets it needs the first line; the gateway needs an entry, which has
only the key's SHA-256.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone

from .api_key import Entry, Mistake, new_key, read_expiry


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="tools.keys", description=__doc__)
    options.add_argument("--name", required=True, help="the key's label in logs: team-a-ci")
    options.add_argument("--tenant", required=True, help="whose key it is, a name under `tenants`")
    options.add_argument("--plan", default="", help="in place of the tenant's plan")
    options.add_argument("--models", default="", help="names or patterns, with spaces between them, that narrow the tenant's")
    options.add_argument("--expires", default="", help="2026-12-31, or 2026-12-31T12:00:00Z")
    chosen = options.parse_args(arguments)
    try:
        expires = read_expiry(chosen.expires, datetime.now(timezone.utc)) if chosen.expires else None
        entry = Entry(chosen.name, chosen.tenant, chosen.plan or None, tuple(chosen.models.split()) or None, expires)
    except Mistake as mistake:
        print(f"no key was made: {mistake}", file=sys.stderr)
        return 2
    key = new_key()
    print(key)
    print("\n# For `keys` in the configuration of auth (an overlay's auth-patch.yaml):")
    print(entry.yaml(key))
    print("\n# Or for `keys` in the document of a key list:")
    print(entry.json(key))
    return 0


if __name__ == "__main__":
    sys.exit(main())
