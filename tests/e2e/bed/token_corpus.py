"""Tokens, good and bad, for two judges to agree on.

A case is a request's headers. Where the judges are known to differ, `differs`
names the row of `docs/auth-differences.md` that says why.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from .tokens import AUDIENCE, ISSUER, Ec, Ed, Rsa, Secret, claims, encode, key_set, token

SECRET_ISSUER = "https://secret.example.com"
NAMELESS_ISSUER = "https://nameless.example.com"

TENANT = "corpus"

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Case:
    name: str
    headers: Headers
    issuer: str
    """By whose keys the token is to be judged."""
    differs: str | None


@dataclass(frozen=True)
class Issuer:
    """As both judges are configured."""

    issuer: str
    algorithms: list[str]
    jwks: str


class Corpus:
    """All cases, under keys of this run."""

    def __init__(self):
        self.rsa, self.twin, self.stranger = Rsa(), Rsa(), Rsa()
        self.short, self.odd_exponent, self.enc, self.ops, self.published = Rsa(1024), Rsa(exponent=3), Rsa(), Rsa(), Rsa()
        self.p256, self.p384, self.p521 = Ec(ec.SECP256R1), Ec(ec.SECP384R1), Ec(ec.SECP521R1)
        self.ed, self.nameless, self.named = Ed(), Rsa(), Rsa()
        self.many = [Ec(ec.SECP256R1) for _ in range(5)]
        self.no_curve, self.thin = Ec(ec.SECP256R1), _with_a_leading_zero()
        self.secret, self.short_secret = Secret(), Secret(b"0123456789abcdef")
        self.cases: list[Case] = []
        for fill in (self._algorithms, self._algorithm_header, self._confusion, self._key_ids, self._keys,
                     self._embedded, self._critical, self._types, self._issuers, self._audiences, self._times,
                     self._other_claims, self._twice, self._encoding, self._json, self._sizes, self._signatures,
                     self._places):
            fill()

    def issuers(self) -> dict[str, Issuer]:
        asymmetric = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
        main = key_set(
            self.rsa.jwk(kid="rsa", use="sig"),
            self.rsa.jwk(kid="rs256-only", alg="RS256"),
            self.stranger_twin(), self.twin.jwk(kid="twin"),
            self.p256.jwk(kid="p256"), self.p384.jwk(kid="p384"), self.p521.jwk(kid="p521"),
            self.ed.jwk(kid="ed"),
            _without(self.no_curve.jwk(kid="no-curve"), "crv"), self.thin.thin_jwk(kid="thin"),
            self.short.jwk(kid="short"), self.odd_exponent.jwk(kid="odd-exponent"),
            self.enc.jwk(kid="enc", use="enc"), self.ops.jwk(kid="ops", key_ops=["encrypt"]),
            self.published.jwk(kid="published", **self.published.private_members()),
        )
        return {
            "main": Issuer(ISSUER, asymmetric, main),
            "secret": Issuer(SECRET_ISSUER, ["HS256"], key_set(self.secret.jwk(kid="secret", alg="HS256"))),
            "nameless": Issuer(NAMELESS_ISSUER, asymmetric,
                               key_set(self.nameless.jwk(), self.named.jwk(kid="named"),
                                       *(key.jwk(kid="many") for key in self.many))),
        }

    @functools.cache
    def stranger_twin(self) -> dict:
        """The first of two keys of one name; tokens are signed by the second."""
        return Rsa().jwk(kid="twin")

    def credentials(self) -> Iterator[str]:
        """All that was sent and must stand in no log: the parts of the tokens that are long enough to tell."""
        for case in self.cases:
            for _, value in case.headers:
                yield from (part for part in value.replace(" ", ".").split(".") if len(part) >= 40)

    # --- making cases ------------------------------------------------------------------------------

    def _add(self, name: str, raw: str | Headers, differs: str | None = None, issuer: str = "main") -> None:
        headers = [("authorization", f"Bearer {raw}")] if isinstance(raw, str) else raw
        self.cases.append(Case(name, headers, issuer, differs))

    def _rs(self, header: dict | str | None = None, payload: dict | str | bytes | None = None, **more) -> str:
        """By the main RSA key."""
        header = {"alg": "RS256", "typ": "JWT", "kid": "rsa"} if header is None else header
        return token(self.rsa.sign, header, claims() if payload is None else payload, more.get("algorithm", "RS256"))

    def _header(self, name: str, differs: str | None = None, /, **members) -> None:
        """A case with more in the header; `None` removes a member."""
        header = {"alg": "RS256", "typ": "JWT", "kid": "rsa", **members}
        self._add(name, self._rs({key: value for key, value in header.items() if value is not None}), differs)

    def _claim(self, name: str, differs: str | None = None, /, **members) -> None:
        self._add(name, self._rs(payload=claims(**members)), differs)

    def _claims_text(self, name: str, member: str, differs: str | None = None, *, without: str = "") -> None:
        """A case with a member of the claims to the letter."""
        text = json.dumps({key: value for key, value in claims().items() if key != without})
        self._add(name, self._rs(payload=text[:-1] + ", " + member + "}"), differs)

    # --- what they say ----------------------------------------------------------------------------------

    def _algorithms(self):
        signers = {"rsa": (self.rsa, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
                   "p256": (self.p256, ["ES256"]), "p384": (self.p384, ["ES384"]), "ed": (self.ed, ["EdDSA"])}
        for kid, (key, algorithms) in signers.items():
            for alg in algorithms:
                sign: Callable = key.sign
                self._add(f"{alg}", token(sign, {"alg": alg, "typ": "JWT", "kid": kid}, claims()))
                self._add(f"{alg} without kid", token(sign, {"alg": alg}, claims()))
                forged = token(sign, {"alg": alg, "kid": kid}, claims())
                head, _, signature = forged.split(".")
                self._add(f"{alg} over other claims", f"{head}.{encode(json.dumps(claims(sub='eve')))}.{signature}")
        self._add("ES512", token(self.p521.sign, {"alg": "ES512", "kid": "p521"}, claims()), "algorithm-not-offered")
        self._add("Ed25519, the name of RFC 9864", token(self.ed.sign, {"alg": "Ed25519", "kid": "ed"}, claims()), "ed25519-by-name")
        by_secret = claims(iss=SECRET_ISSUER)
        self._add("HS256", token(self.secret.sign, {"alg": "HS256", "kid": "secret"}, by_secret), issuer="secret")
        self._add("HS256 without kid", token(self.secret.sign, {"alg": "HS256"}, by_secret), issuer="secret")
        self._add("HS256 by another secret", token(Secret().sign, {"alg": "HS256", "kid": "secret"}, by_secret), issuer="secret")
        for alg in ("HS384", "HS512"):
            self._add(f"{alg} by a secret for HS256", token(self.secret.sign, {"alg": alg, "kid": "secret"}, by_secret), issuer="secret")

    def _algorithm_header(self):
        unsigned = f"{encode(json.dumps(claims()))}"
        for none in ("none", "None", "NONE", "nOnE", "noNE", "nonE", "NoNe"):
            head = encode(json.dumps({"alg": none, "typ": "JWT"}))
            self._add(f"alg {none}, no signature", f"{head}.{unsigned}.")
            self._add(f"alg {none}, a signature", self._rs({"alg": none, "kid": "rsa"}))
            self._add(f"alg {none}, no third part", f"{head}.{unsigned}")
        for name, alg in {"in lower case": "rs256", "with a blank": "RS256 ", "unknown": "RS999", "empty": "", "a number": 256,
                          "a list": ["RS256"], "an object": {"RS256": 1}, "true": True, "of encryption": "RSA-OAEP",
                          "with a NUL": "RS256\x00"}.items():
            self._header(f"alg {name}", alg=alg)
        self._add("alg null", self._rs('{"alg":null,"kid":"rsa"}'))
        self._header("alg missing", alg=None)

    def _confusion(self):
        pem, der = self.rsa.public_pem(), self.rsa.public_der()
        modulus = self.rsa.jwk()["n"].encode()
        jwk = json.dumps(self.rsa.jwk()).encode()
        for name, secret in {"PEM": pem, "PEM, trimmed": pem.strip(), "DER": der, "modulus": modulus, "JWK": jwk}.items():
            for alg in ("HS256", "HS384", "HS512"):
                self._add(f"{alg} with the public {name} as secret", token(Secret(secret).sign, {"alg": alg, "kid": "rsa"}, claims()))
        self._add("HS256 with an empty secret", token(lambda _, text: Secret(b"\0").sign("HS256", text), {"alg": "HS256", "kid": "rsa"}, claims()))
        self._add("PS256 in the header, RS256 signed", self._rs({"alg": "PS256", "kid": "rsa"}, algorithm="RS256"))
        self._add("RS256 in the header, PS256 signed", self._rs(algorithm="PS256"))
        self._add("RS512 in the header, RS256 signed", self._rs({"alg": "RS512", "kid": "rsa"}, algorithm="RS256"))
        self._add("RS512 by a key for RS256", self._rs({"alg": "RS512", "kid": "rs256-only"}, algorithm="RS512"))
        self._add("PS256 by a key for RS256", self._rs({"alg": "PS256", "kid": "rs256-only"}, algorithm="PS256"))
        self._add("RS256 by a key for RS256", self._rs({"alg": "RS256", "kid": "rs256-only"}))
        self._add("ES256 in the header, the P-384 key", token(self.p384.sign, {"alg": "ES256", "kid": "p384"}, claims(), "ES256"),
                  "curve-and-hash")
        self._add("ES384 in the header, the P-256 key", token(self.p256.sign, {"alg": "ES384", "kid": "p256"}, claims(), "ES384"),
                  "curve-and-hash")
        self._add("ES256 in the header, the RSA key's name", token(self.p256.sign, {"alg": "ES256", "kid": "rsa"}, claims()))
        self._add("RS256 in the header, the P-256 key's name", self._rs({"alg": "RS256", "kid": "p256"}))
        self._add("EdDSA in the header, signed by P-256", token(self.p256.sign, {"alg": "EdDSA", "kid": "ed"}, claims(), "ES256"))
        for salt in (0, 20, 64):
            sign = functools.partial(self.rsa.sign, salt=salt)
            self._add(f"PS256 with {salt} bytes of salt", token(sign, {"alg": "PS256", "kid": "rsa"}, claims()))

    def _key_ids(self):
        for name, kid in {"unknown": "unknown", "in upper case": "RSA", "a path": "../../../../dev/null", "SQL": "x' UNION SELECT 'k';--",
                          "a command": "rsa|id", "a URL": "https://evil.example.com/jwks.json", "with a blank": "rsa ",
                          "with a NUL": "rsa\x00", "of 511 bytes": "k" * 511, "of 5000 bytes": "k" * 5000}.items():
            self._header(f"kid {name}", kid=kid)
        self._header("kid empty", kid="")
        for name, kid in {"a number": 1, "a list": ["rsa"], "an object": {}, "true": True}.items():
            self._header(f"kid {name}", kid=kid)
        self._add("kid null", self._rs('{"alg":"RS256","kid":null}'))
        self._add("kid of two keys, signed by the second", token(self.twin.sign, {"alg": "RS256", "kid": "twin"}, claims()))
        self._add("kid of another key of the set", token(self.twin.sign, {"alg": "RS256", "kid": "rsa"}, claims()))
        by = {"iss": NAMELESS_ISSUER}
        nameless, named = self.nameless.sign, self.named.sign
        self._add("no kid, by the key without one", token(nameless, {"alg": "RS256"}, claims(**by)), issuer="nameless")
        self._add("no kid, by the key with one", token(named, {"alg": "RS256"}, claims(**by)), issuer="nameless")
        self._add("kid unknown, by the key without one", token(nameless, {"alg": "RS256", "kid": "x"}, claims(**by)), issuer="nameless")
        self._add("kid of another, by the key without one", token(nameless, {"alg": "RS256", "kid": "named"}, claims(**by)),
                  "nameless-key", issuer="nameless")

    def _keys(self):
        for kid, key, differs in [("short", self.short, "rsa-size"), ("odd-exponent", self.odd_exponent, "rsa-exponent"),
                                  ("enc", self.enc, "key-use"), ("ops", self.ops, "key-use"),
                                  ("published", self.published, "private-half")]:
            self._add(f"by the key {kid}", token(key.sign, {"alg": "RS256", "kid": kid}, claims()), differs)
        self._add("by a P-256 key without crv", token(self.no_curve.sign, {"alg": "ES256", "kid": "no-curve"}, claims()), "elliptic-key-form")
        self._add("by a P-256 key with a short coordinate", token(self.thin.sign, {"alg": "ES256", "kid": "thin"}, claims()), "elliptic-key-form")
        for place, differs in ((3, None), (4, "many-keys")):
            self._add(f"kid of five keys, signed by number {place + 1}",
                      token(self.many[place].sign, {"alg": "ES256", "kid": "many"}, claims(iss=NAMELESS_ISSUER)), differs, "nameless")
        self._add("by nobody's key", token(self.stranger.sign, {"alg": "RS256"}, claims()))
        self._add("by nobody's key under a known name", token(self.stranger.sign, {"alg": "RS256", "kid": "rsa"}, claims()))
        self._add("by nobody's P-256 key", token(Ec(ec.SECP256R1).sign, {"alg": "ES256", "kid": "p256"}, claims()))
        self._add("by nobody's Ed25519 key", token(Ed().sign, {"alg": "EdDSA", "kid": "ed"}, claims()))

    def _embedded(self):
        own = self.stranger.jwk(kid="rsa")
        ways = {"jwk": own, "jku": "https://evil.example.com/jwks.json", "x5u": "https://evil.example.com/cert.pem",
                "x5c": ["MIIB"], "x5t": encode(b"1" * 20)}
        for name, value in ways.items():
            header = {"alg": "RS256", "kid": "rsa", name: value}
            self._add(f"{name} embedded, signed by its key", token(self.stranger.sign, header, claims()))
            self._add(f"{name} embedded, no kid", token(self.stranger.sign, {"alg": "RS256", name: value}, claims()))
            self._add(f"{name} embedded, signed by the issuer", token(self.rsa.sign, header, claims()))
        jwk = Secret(b"a secret of the forger's own, 32 B").jwk()
        self._add("jwk embedded, a secret", token(Secret(b"a secret of the forger's own, 32 B").sign, {"alg": "HS256", "jwk": jwk}, claims()))

    def _critical(self):
        for name, members in {"exp": {"crit": ["exp"]}, "empty": {"crit": []}, "b64": {"crit": ["b64"], "b64": False},
                              "unknown": {"crit": ["urn:x"], "urn:x": 1}, "a string": {"crit": "exp"}}.items():
            self._header(f"crit {name}", "crit", **members)
        self._add("crit null", self._rs('{"alg":"RS256","kid":"rsa","crit":null}'), "crit")

    def _types(self):
        for kind in ("JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"):
            self._header(f"typ {kind}", typ=kind)
        self._header("typ missing", typ=None)
        for kind in ("logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "", "entity-statement+jwt"):
            self._header(f"typ {kind or 'empty'}", "typ", typ=kind)
        self._header("typ a number", "typ", typ=7)
        self._header("cty JWT", "nested", cty="JWT")
        self._header("cty of other text", cty="text/plain")
        inner = self._rs()
        self._add("a token as claims", self._rs({"alg": "RS256", "kid": "rsa", "cty": "JWT"}, inner))
        self._add("five parts, as an encrypted token has", f"{encode(json.dumps({'alg': 'RSA-OAEP', 'enc': 'A256GCM'}))}.a.b.c.d")

    def _issuers(self):
        for name, issuer in {"of somebody else": "https://evil.example.com", "with a slash": ISSUER + "/", "in upper case": ISSUER.upper(),
                             "cut": ISSUER[:-1], "by http": ISSUER.replace("https", "http"), "empty": "", "a number": 1,
                             "a list": [ISSUER], "an object": {"iss": ISSUER}, "true": True, "with a NUL": ISSUER + "\x00"}.items():
            self._claim(f"iss {name}", iss=issuer)
        self._claim("iss missing", iss=None)
        self._claims_text("iss null", '"iss":null', without="iss")
        self._claim("iss of another of our issuers", iss=NAMELESS_ISSUER)

    def _audiences(self):
        for name, audience in {"a list of one": [AUDIENCE], "the second of a list": ["other", AUDIENCE], "twice": [AUDIENCE, AUDIENCE],
                               "of somebody else": "other", "a list of others": ["other", "another"], "in upper case": AUDIENCE.upper(),
                               "cut": AUDIENCE[:-1], "longer": AUDIENCE + "2", "empty": "", "an empty list": [], "a number": 1,
                               "an object": {AUDIENCE: 1}, "a list in a list": [[AUDIENCE]], "with a blank": AUDIENCE + " "}.items():
            self._claim(f"aud {name}", aud=audience)
        self._claim("aud ours beside a number", aud=[AUDIENCE, 1])
        self._claim("aud missing", aud=None)
        self._claims_text("aud null", '"aud":null', without="aud")
        for name, audience in {"with a slash": AUDIENCE + "/", "by https": "https://" + AUDIENCE, "by http": "http://" + AUDIENCE,
                               "by https with a slash": ["https://" + AUDIENCE + "/"]}.items():
            self._claim(f"aud {name}", "audience-spelling", aud=audience)

    def _times(self):
        now = int(time.time())
        for name, seconds in {"in ten minutes": now + 600, "30 s ago": now - 30, "in 30 years": now + 946_080_000}.items():
            self._claim(f"exp {name}", exp=seconds)
        for name, seconds in {"an hour ago": now - 3600, "75 s ago": now - 75, "one": 1}.items():
            self._claim(f"exp {name}", exp=seconds)
        for name, seconds in {"75 s ago": now - 75, "in 30 s": now + 30, "zero": 0}.items():
            self._claim(f"nbf {name}", nbf=seconds)
        for name, seconds in {"in an hour": now + 3600, "in 200 s": now + 200}.items():
            self._claim(f"nbf {name}", nbf=seconds)
            self._claim(f"iat {name}", "issued-in-future", iat=seconds)
        self._claim("iat in 30 s", iat=now + 30)
        self._claim("iat missing", iat=None)
        self._claim("exp zero", exp=0)
        self._claim("exp missing", exp=None)
        for member in ("exp", "nbf", "iat"):
            later = now + 600 if member == "exp" else now - 600
            for name, text in {"a string": f'"{later}"', "a string of a number to come": '"9999999999"', "negative": "-1",
                               "negative and large": "-9223372036854775808", "1e400": "1e400", "-1e400": "-1e400", "null": "null",
                               "true": "true", "a list": f"[{later}]", "an object": "{}", "an empty string": '""', "NaN": "NaN",
                               "Infinity": "Infinity", "hexadecimal": "0x7fffffff", "with a plus": f"+{later}",
                               "with a leading zero": f"0{later}", "2^64": "18446744073709551616"}.items():
                self._claims_text(f"{member} {name}", f'"{member}":{text}', without=member)
            self._claims_text(f"{member} with a fraction", f'"{member}":{later}.5', without=member)
            self._claims_text(f"{member} with an exponent", f'"{member}":{later}e0', without=member)
            if member == "nbf":
                continue
            self._claims_text(f"{member} after 2^53", f'"{member}":9007199254740993', "late-date", without=member)
            self._claims_text(f"{member} 2^63", f'"{member}":9223372036854775808', "late-date", without=member)

    def _other_claims(self):
        for member in ("sub", "jti"):
            for name, value in {"a number": 7, "a list": ["ann"], "an object": {}, "true": True}.items():
                self._claim(f"{member} {name}", **{member: value})
            self._claims_text(f"{member} null", f'"{member}":null', without=member)
            self._claim(f"{member} empty", **{member: ""})
        self._claim("sub missing", sub=None)
        self._claim("many more claims", **{f"claim-{n}": n for n in range(200)})
        self._claim("an audience in another script", name="Ünïcödé 模型 🦀")

    def _twice(self):
        self._claims_text("exp twice, the second expired", '"exp":1')
        self._claims_text("exp twice, the second good", f'"exp":{int(time.time()) + 900}')
        self._claims_text("iss twice", f'"iss":"{ISSUER}"')
        self._claims_text("iss twice, another", '"iss":"https://evil.example.com"')
        self._claims_text("aud twice, another", '"aud":"other"')
        self._claims_text("another claim twice", '"a":1,"a":2')
        self._claims_text("another claim twice, spelt differently", '"ab":1,"a\\u0062":2')
        self._claims_text("a claim twice inside another", '"a":{"b":1,"b":2}')
        for name, header in {"alg": '{"alg":"RS256","alg":"RS256","kid":"rsa"}', "alg, first none": '{"alg":"none","alg":"RS256","kid":"rsa"}',
                             "kid": '{"alg":"RS256","kid":"other","kid":"rsa"}'}.items():
            self._add(f"header {name} twice", self._rs(header))
        self._add("header alg twice, second none", self._rs('{"alg":"RS256","alg":"none","kid":"rsa"}'))

    def _encoding(self):
        good = self._rs()
        head, body, signature = good.split(".")
        padded = self._rs({"alg": "RS256", "kid": "rsa"}, json.dumps(claims(pad="x")).encode())
        for pad in range(3):
            padded = self._rs(payload=json.dumps(claims(pad="x" * pad)))
            part = padded.split(".")[1]
            if len(part) % 4:
                padded_body = part + "=" * (-len(part) % 4)
                signed = f"{padded.split('.')[0]}.{padded_body}"
                again = f"{signed}.{encode(self.rsa.sign('RS256', signed.encode()))}"
                self._add(f"claims padded by {-len(part) % 4}, signed so", again, "padding")
        self._add("signature padded", good + "=" * (-len(signature) % 4), "padding")
        self._add("signature in plain base64", f"{head}.{body}.{signature.replace('-', '+').replace('_', '/')}+/")
        self._add("a blank in the signature", f"{head}.{body}.{signature[:9]} {signature[9:]}", "white-space")
        for name, text in {"a blank at the dot": f"{head} .{body}.{signature}", "a blank in the claims": f"{head}.{body[:9]} {body[9:]}.{signature}",
                           "a tab in the claims": f"{head}.{body[:9]}\t{body[9:]}.{signature}", "one part": head, "two parts": f"{head}.{body}",
                           "four parts": f"{good}.{signature}", "no header": f".{body}.{signature}", "no claims": f"{head}..{signature}",
                           "no signature": f"{head}.{body}.", "dots only": "..", "quotes around": f'"{good}"',
                           "a letter that isn't base64": f"{head}.{body}!.{signature}", "percent-encoded": good.replace(".", "%2E"),
                           "in angle brackets": f"<{good}>"}.items():
            self._add(name, text)
        self._add("a dot before", f".{good}", "empty-parts")
        self._add("a dot after", f"{good}.", "empty-parts")
        self._add("two dots in a row", f"{head}..{body}.{signature}", "empty-parts")
        # The last letter of the signature carries bits that nobody reads: RSA's 256 bytes leave four.
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        self._add("left-over bits in the signature", good[:-1] + alphabet[alphabet.index(good[-1]) ^ 1], "left-over-bits")
        self._add("flattened JSON serialization", json.dumps({"protected": head, "payload": body, "signature": signature}))
        self._add("general JSON serialization", json.dumps({"payload": body, "signatures": [{"protected": head, "signature": signature}]}))

    def _json(self):
        good = json.dumps(claims())
        for name, text in {"a list": f"[{good}]", "a string": json.dumps(good), "a number": "1", "empty": "", "null": "null", "cut": good[:-1],
                           "with text after it": good + "x", "with a comment": "/**/" + good,
                           "with a byte order mark": "\ufeff" + good}.items():
            self._add(f"claims {name}", self._rs(payload=text))
        self._add("claims with two objects", self._rs(payload=good + "{}"))
        self._add("claims not UTF-8", self._rs(payload=good[:-1].encode() + b', "a": "\xff"}'))
        for name, text in {"a trailing comma": good[:-1] + ",}", "single quotes": good.replace('"', "'"),
                           "a raw control character": good[:-1] + ', "a": "\x01"}'}.items():
            self._add(f"claims with {name}", self._rs(payload=text), "lenient-json")
        self._add("claims with a lone surrogate", self._rs(payload=good[:-1] + ', "a": "\\ud800"}'))
        self._add("claims with blanks around", self._rs(payload=f" \n\t{good}\r\n "))
        self._add("claims with escaped names", self._rs(payload=good.replace('"exp"', '"e\\u0078p"')))
        for name, header in {"a list": '["RS256"]', "a string": '"RS256"', "cut": '{"alg":"RS256"', "with a comment": '/**/{"alg":"RS256"}',
                             "with text after it": '{"alg":"RS256"}x', "empty": ""}.items():
            self._add(f"header {name}", self._rs(header))
        for name, text in {"a blank": '{ "alg":"RS256"}', "a tab": '{\t"alg":"RS256"}', "a line's end": '{\r\n  "alg" : "RS256"\n}\n'}.items():
            self._add(f"header with {name} after the brace", self._rs(text))
        self._add("header with a blank before the brace", self._rs(' {"alg":"RS256"}'), "blank-before-header")
        self._add("header with an escaped alg", self._rs('{"\\u0061lg":"RS256"}'))
        self._add("header with much more in it", self._rs(json.dumps({"alg": "RS256", "kid": "rsa", "x": {"a": [1, {"b": None}]}})))

    def _sizes(self):
        self._claim("12 KB", filler="x" * 9_000)
        self._claim("20 KB", "long", filler="x" * 15_000)
        self._claim("100 KB", "long", filler="x" * 75_000)
        self._claim("100 KB of claims", "long", **{f"claim-{n}": n for n in range(4000)})
        self._header("header of 20 KB", "long", x="x" * 15_000)
        for depth, differs in ((10, None), (30, "deep"), (60, "deep"), (400, None), (5000, None)):
            self._claims_text(f"claims nested {depth} deep", '"a":' + "[" * depth + "]" * depth, differs)
        self._claims_text("claims nested 5000 deep and cut", '"a":' + "[" * 5000)

    def _signatures(self):
        good = self._rs()
        signed, signature = good.rsplit(".", 1)
        raw = self.rsa.sign("RS256", signed.encode())
        for name, forged in {"cut by a byte": raw[:-1], "a byte longer": raw + b"\0", "a zero before": b"\0" + raw, "zeros": bytes(256), "ones": b"\xff" * 256,
                             "one bit off": bytes([raw[0] ^ 1]) + raw[1:], "of one byte": b"\1", "doubled": raw + raw}.items():
            self._add(f"RS256 signature {name}", f"{signed}.{encode(forged)}")
        self._add("RS256 signature of another token", f"{signed}.{self._rs(payload=claims(sub='bob')).rsplit('.', 1)[1]}")
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        header = {"alg": "ES256", "kid": "p256"}
        good = token(self.p256.sign, header, claims())
        signed = good.rsplit(".", 1)[0]
        r, s = self.p256.numbers("ES256", signed.encode())
        pair = lambda r, s, size=32: r.to_bytes(size, "big") + s.to_bytes(size, "big")  # noqa: E731
        for name, forged in {"zeros": bytes(64), "order": pair(order, order), "r zero": pair(0, s), "s zero": pair(r, 0), "empty": b"",
                             "cut": pair(r, s)[:-1], "DER": self.p256.der("ES256", signed.encode()), "swapped": pair(s, r)}.items():
            self._add(f"ES256 signature {name}", f"{signed}.{encode(forged)}")
        self._add("ES256 signature with s negated", f"{signed}.{encode(pair(r, order - s))}")
        self._add("ES256 signature with each number a byte longer", f"{signed}.{encode(pair(r, s, 33))}", "ecdsa-length")
        good = token(self.ed.sign, {"alg": "EdDSA", "kid": "ed"}, claims())
        signed, signature = good.rsplit(".", 1)
        raw = self.ed.sign("", signed.encode())
        subgroup = 2**252 + 27742317777372353535851937790883648493
        s = int.from_bytes(raw[32:], "little")
        for name, forged in {"zeros": bytes(64), "cut": raw[:-1], "longer": raw + b"\0", "s above the order": raw[:32] + (s + subgroup).to_bytes(32, "little")}.items():
            self._add(f"EdDSA signature {name}", f"{signed}.{encode(forged)}")

    def _places(self):
        good, expired = self._rs(), self._rs(payload=claims(exp=1))
        forged, foreign = token(self.stranger.sign, {"alg": "RS256"}, claims()), self._rs(payload=claims(iss="https://evil.example.com"))
        bearer = lambda raw: ("authorization", f"Bearer {raw}")  # noqa: E731
        key = lambda raw: ("x-api-key", raw)  # noqa: E731
        self._add("no credential", [])
        self._add("an empty bearer token", [("authorization", "Bearer ")])
        self._add("the scheme alone", [("authorization", "Bearer")])
        self._add("another scheme", [("authorization", f"Basic {good}")])
        self._add("no scheme", [("authorization", good)])
        self._add("the scheme in lower case", [("authorization", f"bearer {good}")], "scheme-in-any-case")
        self._add("the scheme in upper case", [("authorization", f"BEARER {good}")], "scheme-in-any-case")
        self._add("two blanks after the scheme", [("authorization", f"Bearer  {good}")])
        self._add("the scheme behind another one", [("authorization", f"Basic x, Bearer {good}")], "scheme-anywhere")
        self._add("text after the token", [("authorization", f"Bearer {good} x")])
        self._add("a comma after the token", [("authorization", f"Bearer {good},x")])
        self._add("twice in one header", [("authorization", f"Bearer {good}, Bearer {good}")])
        self._add("in x-api-key", [key(good)])
        self._add("expired in x-api-key", [key(expired)])
        self._add("in a cookie", [("cookie", f"token={good}")])
        self._add("in two headers, the same", [bearer(good), key(good)])
        self._add("two headers, one expired", [bearer(good), key(expired)])
        self._add("two headers, the first expired", [bearer(expired), key(good)])
        self._add("two headers, one forged", [bearer(good), key(forged)])
        self._add("two headers, both bad", [bearer(forged), key(expired)])
        self._add("two headers, one of an issuer that nobody knows", [bearer(good), key(foreign)], "nobodys-beside-a-good-one")
        self._add("two headers, one that is no token", [bearer(good), key("not-a-token")], "nobodys-beside-a-good-one")
        self._add("two headers, two people", [bearer(good), key(self._rs(payload=claims(sub="bob")))], "two-people")


def _without(jwk: dict, member: str) -> dict:
    return {name: value for name, value in jwk.items() if name != member}


def _with_a_leading_zero() -> Ec:
    """One key in 128 has a coordinate that begins with a zero."""
    while True:
        key = Ec(ec.SECP256R1)
        if key.thin_jwk() != key.jwk():
            return key
