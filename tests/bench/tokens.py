"""An issuer of JSON Web Tokens for the rows that send one: its RSA key, its key set, tokens as Keycloak fills them."""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

ISSUER = "https://issuer.bench.example.com/realms/ai"
AUDIENCE = "ai-gateway"

MANY = 20_000
"""More than any cache of verdicts in a row keeps."""

LIFETIME_SECONDS = 3600


def _encoded(content: bytes | dict) -> str:
    if isinstance(content, dict):
        content = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(frozen=True)
class Issuer:
    """RS256 with a key of 2048 bits, made for this benchmark."""

    _key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def key_set(self) -> str:
        public = self._key.public_key().public_numbers()
        return json.dumps({"keys": [{
            "kty": "RSA", "kid": "bench", "alg": "RS256", "use": "sig",
            "n": _encoded(public.n.to_bytes(256, "big")), "e": _encoded(public.e.to_bytes(3, "big")),
        }]})

    def tokens(self, number: int) -> list[str]:
        """No two are equal. Signing 20 000 takes some ten seconds."""
        return [self._token() for _ in range(number)]

    def _token(self) -> str:
        now = int(time.time())
        signed = ".".join((_encoded({"alg": "RS256", "typ": "JWT", "kid": "bench"}), _encoded({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "f3a1c2d4-0000-4000-8000-123456789abc", "azp": "bench-client",
            "iat": now, "exp": now + LIFETIME_SECONDS, "jti": str(uuid.uuid4()), "scope": "openid profile email",
            "realm_access": {"roles": ["offline_access", "uma_authorization", "default-roles-ai"]},
            "resource_access": {"ai": {"roles": ["bench"]}}, "preferred_username": "bench@example.com",
        })))
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


@cache
def issuer() -> Issuer:
    """One for the whole benchmark."""
    return Issuer()


@cache
def pool(number: int) -> list[str]:
    return issuer().tokens(number)
