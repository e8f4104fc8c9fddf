"""What a new key and its entries are. Run with: python3 -m pytest tools/keys"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.keys.api_key import Entry, Mistake, checksum, is_key, new_key, read_expiry  # noqa: E402

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.keys", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_key_has_256_random_bits_and_a_checksum():
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(is_key(key) and len(key) == 57 and key.isascii() for key in keys)


def test_all_256_bits_fit_into_the_digits():
    assert 62**43 > 2**256


def test_a_slip_in_a_key_is_found():
    key = new_key()
    for at in range(len(key)):
        other = "x" if key[at] != "x" else "y"
        assert not is_key(key[:at] + other + key[at + 1 :])
    assert not is_key(key[:-1]) and not is_key(key + "0") and not is_key("")


def test_the_checksum_is_crc_32():
    # The check value of CRC-32/ISO-HDLC, 0xCBF43926, in digits of 62.
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for digit in checksum("123456789"):
        value = value * 62 + digits.index(digit)
    assert value == 0xCBF43926


@pytest.mark.parametrize("name", ["", "-a", "a.", "A", "a b", "a\n", "ä", "a;b", "x" * 64])
def test_what_auth_takes_for_no_name_is_refused(name: str):
    for wrong in ({"name": name}, {"tenant": name}, {"plan": name}):
        with pytest.raises(Mistake, match=next(iter(wrong)).upper()):
            Entry(**({"name": "n", "tenant": "t"} | wrong))


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "2026-12-31T12:00:00", "2026-10-31", "2026-11-01T00:00:00Z"])
def test_an_expiry_that_is_none_or_has_passed_is_refused(text: str):
    with pytest.raises(Mistake, match="EXPIRES"):
        read_expiry(text, NOW)


def test_an_expiry_is_written_in_utc():
    assert read_expiry("2026-12-31", NOW) == "2026-12-31T00:00:00Z"
    assert read_expiry("2026-12-31T12:00:00Z", NOW) == "2026-12-31T12:00:00Z"
    assert read_expiry("2026-12-31T12:00:00+02:00", NOW) == "2026-12-31T10:00:00Z"


def test_both_entries_say_the_same_and_hold_the_digest_of_the_key():
    entry = Entry("team-a-ci", "team-a", "gold", ("gpt-*", "claude-x"), "2026-12-31T00:00:00Z")
    wanted = {
        "team-a-ci": {
            "sha256": hashlib.sha256(b"key").hexdigest(),
            "tenant": "team-a",
            "plan": "gold",
            "models": ["gpt-*", "claude-x"],
            "expires": "2026-12-31T00:00:00Z",
        }
    }
    assert yaml.safe_load(entry.yaml("key")) == wanted
    assert json.loads("{" + entry.json("key") + "}") == wanted


def test_names_that_look_like_numbers_stay_names():
    entry = Entry("12", "null", "1e5")
    assert yaml.safe_load(entry.yaml("key"))["12"] | {"sha256": ""} == {"sha256": "", "tenant": "null", "plan": "1e5"}


def test_the_key_is_printed_once_and_its_entries_with_it():
    done = run("--name", "team-a-ci", "--tenant", "team-a")
    assert done.returncode == 0, done.stderr
    key, *rest = done.stdout.splitlines()
    assert is_key(key)
    assert key not in "\n".join(rest)
    digest = hashlib.sha256(key.encode()).hexdigest()
    assert {"team-a-ci": {"sha256": digest, "tenant": "team-a"}} == yaml.safe_load("\n".join(rest[:5]))
    assert json.loads("{" + rest[-1] + "}") == {"team-a-ci": {"sha256": digest, "tenant": "team-a"}}


def test_a_mistake_makes_no_key():
    done = run("--name", "Team A", "--tenant", "team-a")
    assert (done.returncode, done.stdout) == (2, "")
    assert "NAME" in done.stderr
