"""A new API key, and the entry by which the gateway knows it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timezone

PREFIX = "sk-aigw-"

# Letters and digits only: a double click selects all of it, and no shell or URL changes it.
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase

# 43 digits of 62 hold the 256 bits.
RANDOM_BITS = 256
RANDOM_DIGITS = 43
CHECK_DIGITS = 6

# What `auth` takes for a name.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")


class Mistake(Exception):
    """What was asked for can't be made; the message names the option."""


@dataclass(frozen=True)
class Entry:
    """What the gateway is told about a key."""

    name: str
    tenant: str
    plan: str | None = None
    models: tuple[str, ...] | None = None
    expires: str | None = None

    def __post_init__(self) -> None:
        for option, value in (("NAME", self.name), ("TENANT", self.tenant), ("PLAN", self.plan)):
            if value is not None and not NAME.fullmatch(value):
                raise Mistake(f"{option} is 1 to 63 of a-z, 0-9, '-', '_' and '.', with a letter or digit at both ends")
        if self.models is not None and not all(model.isascii() and model.isprintable() for model in self.models):
            raise Mistake("MODELS are names of models, or patterns such as gpt-*, with spaces between them")

    def members(self, key: str) -> dict[str, str | list[str]]:
        """The entry's members, with the digest of the key."""
        members: dict[str, str | list[str]] = {"sha256": hashlib.sha256(key.encode()).hexdigest(), "tenant": self.tenant}
        if self.plan is not None:
            members["plan"] = self.plan
        if self.models is not None:
            members["models"] = list(self.models)
        if self.expires is not None:
            members["expires"] = self.expires
        return members

    def yaml(self, key: str) -> str:
        """For `keys` of the plugin's configuration. All is quoted: a digest may look like a number."""
        lines = [f"{json.dumps(self.name)}:"]
        lines += [f"  {member}: {json.dumps(value)}" for member, value in self.members(key).items()]
        return "\n".join(lines)

    def json(self, key: str) -> str:
        """For `keys` of a key list."""
        return f"{json.dumps(self.name)}: {json.dumps(self.members(key))}"


def new_key() -> str:
    """256 random bits, and a checksum by which a scanner tells a key from other text."""
    digits = _digits(secrets.randbits(RANDOM_BITS), RANDOM_DIGITS)
    return PREFIX + digits + checksum(digits)


def checksum(digits: str) -> str:
    """The CRC-32 of the random digits. It keeps no secret and proves nothing: it finds slips."""
    return _digits(zlib.crc32(digits.encode()), CHECK_DIGITS)


def is_key(text: str) -> bool:
    """Whether text has the form of a key, checksum included."""
    digits = text.removeprefix(PREFIX)
    random, check = digits[:RANDOM_DIGITS], digits[RANDOM_DIGITS:]
    return text.startswith(PREFIX) and len(random) == RANDOM_DIGITS and check == checksum(random)


def read_expiry(text: str, now: datetime) -> str:
    """A point in time to come, in UTC; of a day its first second."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            at = datetime.combine(date.fromisoformat(text), time(tzinfo=timezone.utc))
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Mistake("EXPIRES is a day such as 2026-12-31, or a time such as 2026-12-31T12:00:00Z")
    if at <= now:
        raise Mistake("EXPIRES has passed already")
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _digits(number: int, count: int) -> str:
    digits = []
    for _ in range(count):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
