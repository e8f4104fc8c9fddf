"""Tokens for tests, put together by hand so that they can be wrong, and keys that sign them.

Every key is made anew in each run.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://issuer.example.com"
AUDIENCE = "ai-gateway"

_SHA = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}

Sign = Callable[[str, bytes], bytes]
"""From an algorithm's name and the signed text to a signature."""


def encode(data: bytes | str) -> str:
    """base64url without padding."""
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def integer(number: int, size: int | None = None) -> str:
    """An integer as a JWK has it."""
    return encode(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


class Rsa:
    """A key for RS and PS."""

    def __init__(self, bits: int = 2048, exponent: int = 65537):
        self._key = rsa.generate_private_key(exponent, bits)

    def jwk(self, **members: object) -> dict:
        numbers = self._key.public_key().public_numbers()
        return {"kty": "RSA", "n": integer(numbers.n), "e": integer(numbers.e), **members}

    def private_members(self) -> dict:
        return {"d": integer(self._key.private_numbers().d)}

    def public_pem(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def public_der(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, algorithm: str, text: bytes, salt: int | None = None) -> bytes:
        sha = _SHA.get(algorithm[2:], hashes.SHA256)()
        if algorithm.startswith("PS"):
            scheme = padding.PSS(padding.MGF1(sha), sha.digest_size if salt is None else salt)
            return self._key.sign(text, scheme, sha)
        return self._key.sign(text, padding.PKCS1v15(), sha)


class Ec:
    """A key for ES."""

    def __init__(self, curve: type[ec.EllipticCurve]):
        self._key = ec.generate_private_key(curve())
        self._size = (curve.key_size + 7) // 8

    def jwk(self, **members: object) -> dict:
        numbers = self._key.public_key().public_numbers()
        name = {32: "P-256", 48: "P-384", 66: "P-521"}[self._size]
        return {"kty": "EC", "crv": name, "x": integer(numbers.x, self._size), "y": integer(numbers.y, self._size), **members}

    def thin_jwk(self, **members: object) -> dict:
        """With the coordinates' leading zeros left out, as careless issuers do."""
        numbers = self._key.public_key().public_numbers()
        return {**self.jwk(**members), "x": integer(numbers.x), "y": integer(numbers.y)}

    def numbers(self, algorithm: str, text: bytes) -> tuple[int, int]:
        return decode_dss_signature(self.der(algorithm, text))

    def der(self, algorithm: str, text: bytes) -> bytes:
        return self._key.sign(text, ec.ECDSA(_SHA.get(algorithm[2:], hashes.SHA256)()))

    def sign(self, algorithm: str, text: bytes) -> bytes:
        return b"".join(number.to_bytes(self._size, "big") for number in self.numbers(algorithm, text))


class Ed:
    """A key for EdDSA."""

    def __init__(self):
        self._key = ed25519.Ed25519PrivateKey.generate()

    def jwk(self, **members: object) -> dict:
        return {"kty": "OKP", "crv": "Ed25519", "x": encode(self._key.public_key().public_bytes_raw()), **members}

    def sign(self, _algorithm: str, text: bytes) -> bytes:
        return self._key.sign(text)


class Secret:
    """A secret for HS."""

    def __init__(self, value: bytes | None = None):
        self._value = value or secrets.token_bytes(64)

    def jwk(self, **members: object) -> dict:
        return {"kty": "oct", "k": encode(self._value), **members}

    def sign(self, algorithm: str, text: bytes) -> bytes:
        return hmac.digest(self._value, text, f"sha{algorithm[2:]}" if algorithm[2:] in _SHA else "sha256")


@functools.cache
def rsa_key(name: str) -> Rsa:
    """The run's RSA key of that name; making one takes a tenth of a second."""
    return Rsa()


def claims(now: float | None = None, **more: object) -> dict:
    """Claims that nobody has anything against; `None` removes one."""
    now = int(now or time.time())
    all_claims = {"iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "exp": now + 600, "iat": now - 10, **more}
    return {name: value for name, value in all_claims.items() if value is not None}


def token(sign: Sign, header: dict | str, payload: dict | str | bytes, algorithm: str | None = None) -> str:
    """A compact JWS. Text stands in it to the letter; `algorithm` is what signs, if not what the header says."""
    if algorithm is None:
        algorithm = header["alg"] if isinstance(header, dict) else json.loads(header)["alg"]
    text = f"{encode(_text(header))}.{encode(_text(payload))}"
    return f"{text}.{encode(sign(algorithm, text.encode()))}"


def good_token(key: Rsa, kid: str, **more: object) -> str:
    return token(key.sign, {"alg": "RS256", "typ": "JWT", "kid": kid}, claims(**more))


def key_set(*keys: dict) -> str:
    return json.dumps({"keys": list(keys)})


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _text(part: dict | str | bytes) -> str | bytes:
    return json.dumps(part) if isinstance(part, dict) else part
