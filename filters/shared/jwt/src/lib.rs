//! JSON Web Tokens (RFC 7519) in the compact serialisation (RFC 7515), judged as strictly as
//! Envoy's own `jwt_authn` does it, and more strictly where RFC 8725 says so.
//!
//! It decides whether a token has the right form, says what is expected of it, and carries a
//! signature by one of the keys at hand, in that order: what costs little comes first, so that a
//! forged token is mostly refused before it costs a signature check. It never fetches a key, never
//! reads a clock, never takes a key or the choice of one from the token (`jwk`, `jku`, `x5u`,
//! `x5c` are not read), and no error holds any of the token's content.
//!
//! Each step yields what the next one asks for, so that none can be left out:
//! [`Token`] → [`Acceptable`] → [`Verified`].
//!
//! ```
//! use jwt::{Algorithm, Algorithms, Expectations, KeySet, Token};
//!
//! // RFC 7515, appendix A.1: a token under a shared secret.
//! let keys = br#"{"keys": [{"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}"#;
//! let token = b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
//!
//! let keys = KeySet::parse(keys, Algorithms::from_iter([Algorithm::Hs256])).unwrap();
//! let expectations = Expectations::of_issuer("joe");
//!
//! let token = Token::parse(token).unwrap();
//! assert_eq!(token.issuer(), Some("joe")); // says the token, so far without proof
//! let acceptable = expectations.check(token, 1_300_819_000).unwrap();
//! let verified = keys.verify(acceptable, &mut |_| None).unwrap();
//! assert_eq!(verified.issuer(), "joe");
//! ```
//!
//! # What it refuses though Envoy takes it
//! - a token longer than [`MAX_TOKEN_BYTES`], with a dot too many, or with a part that has
//!   padding, white space or left-over bits;
//! - claims that are JSON only to a lenient reader, or nested deeper than [`MAX_DEPTH`] (a member
//!   twice neither of them takes);
//! - `crit`, whatever it lists (RFC 7515, section 4.1.11); a `typ` other than `JWT` and `at+jwt`
//!   (RFC 8725, section 3.11: a logout token isn't an access token); a nested token (`cty` is
//!   `JWT`);
//! - no `exp`, or one of zero, which Envoy takes for "never" unless it is told to require one; a
//!   date after 2^53; a token in its last second (RFC 7519, section 4.1.4: the time must be
//!   *before* `exp`);
//! - an `iat` in the future; an `aud` that differs in its scheme or a trailing slash;
//! - RSA keys below 2048 or above 4096 bits, of another exponent than 65537, or of the generator
//!   of CVE-2017-15361; a `use` or `key_ops` for something else; a key published with its private
//!   half; coordinates that are too short, or an elliptic key without `crv`; secrets below 32
//!   bytes, or among public keys; a set of certificates instead of keys;
//! - an ECDSA signature of another length than the curve's, or by the hash of another curve;
//! - `ES512`, `HS384` and `HS512`, whatever the configuration does not list, and `HS256` above
//!   all; more than [`MAX_TRIES`] keys for one token; a key without `kid` beside one that has the
//!   token's.
//!
//! It takes `Ed25519` for `EdDSA` (RFC 9864), which Envoy doesn't. A test holds both to the same
//! four hundred tokens; `docs/auth-differences.md` gives the reason for each difference.
//!
//! # Cost
//! Built for Envoy's V8, a token of a kilobyte costs four to five microseconds up to
//! [`Acceptable`]. The signature costs 1 ms for RSA, 0.7 for ES256, 3 for ES384, 0.3 for Ed25519
//! and 0.004 for HS256, unless the proxy verifies it (RS256 and its like, ES256, ES384), which
//! takes it some hundredths of that.

#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used,
        reason = "a test may fail by panicking"
    )
)]

mod algorithm;
mod base64url;
mod claim_path;
mod expectations;
mod json;
mod jws;
mod key;
mod key_set;
mod roca;
mod token;
mod verified;

pub use algorithm::{Algorithm, Algorithms};
pub use claim_path::{ClaimPath, ClaimPathError};
pub use expectations::{Acceptable, ClaimError, Expectations};
pub use json::{JsonFault, MAX_DEPTH};
pub use jws::{Jws, MAX_KEY_ID_BYTES, MAX_TOKEN_BYTES, Malformed};
pub use key::SignatureVerifier;
pub use key_set::{
    BadSignature, KeySet, KeySetError, MAX_KEY_SET_BYTES, MAX_KEYS, MAX_TRIES, Skipped, SkippedKey,
};
pub use token::Token;
pub use verified::{Claim, MAX_LISTED_TEXTS, Verified};
