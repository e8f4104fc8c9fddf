//! The keys of one issuer (RFC 7517, section 5), and which of them a token is held against.

use crate::json::{JsonFault, Object, Value};
use crate::key::Key;
use crate::{Acceptable, Algorithms, Jws, SignatureVerifier, Token, Verified};
use std::fmt;

/// Longest key set. Two dozen RSA keys with their certificates take half of it.
pub const MAX_KEY_SET_BYTES: usize = 128 * 1024;

/// Most keys in a set.
pub const MAX_KEYS: usize = 64;

/// Most keys that one token is held against, so that a forged one has a bounded cost.
pub const MAX_TRIES: usize = 4;

/// Keys that tokens are held against.
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
}

impl KeySet {
    /// Reads a JWKS for signatures by these algorithms. A key that can't be used is skipped, as
    /// RFC 7517, section 5, has it: issuers publish keys for other purposes, and new kinds.
    ///
    /// Allow only what the issuer signs with: among the algorithms that a key without an `alg`
    /// is allowed, it's the token that chooses, and a forger chooses the one that costs most.
    ///
    /// # Errors
    /// The set as a whole can't be used.
    pub fn parse(json: &[u8], allowed: Algorithms) -> Result<Self, KeySetError> {
        if json.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetError::TooLong);
        }
        let set = Object::parse(json).map_err(KeySetError::Json)?;
        let Some(Value::List(jwks)) = set.get("keys") else {
            return Err(KeySetError::NoList);
        };
        if jwks.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut keys = Vec::new();
        let mut skipped = Vec::new();
        for (index, jwk) in jwks.iter().enumerate() {
            let key = match jwk {
                Value::Object(jwk) => Key::parse(jwk, allowed),
                _ => Err(Skipped::Malformed),
            };
            match key {
                Ok(key) => keys.push(key),
                Err(reason) => skipped.push(SkippedKey { index, reason }),
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey(skipped.first().copied()));
        }
        // A secret stands among public keys by mistake, and is then public itself.
        if keys.iter().any(Key::is_secret) && !keys.iter().all(Key::is_secret) {
            return Err(KeySetError::SecretAmongPublicKeys);
        }
        Ok(Self { keys, skipped })
    }

    /// One secret for HS256, as the configuration gives it, under that `kid` or any.
    ///
    /// # Errors
    /// The secret is shorter than 32 bytes, or the `kid` is too long.
    pub fn of_secret(secret: &[u8], key_id: Option<&str>) -> Result<Self, Skipped> {
        Ok(Self {
            keys: vec![Key::secret(secret, key_id)?],
            skipped: Vec::new(),
        })
    }

    /// The keys that were left out.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// How many keys can be used.
    #[must_use]
    #[allow(
        clippy::len_without_is_empty,
        reason = "a set without a key isn't made"
    )]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many signature checks [`verify`](Self::verify) may do for that token, for a budget of
    /// them: 0 for a token that no key is for, at most [`MAX_TRIES`].
    #[must_use]
    pub fn checks(&self, token: &Token<'_>) -> usize {
        let jws = token.jws();
        self.candidates(jws)
            .filter(|key| key.serves(jws.algorithm()))
            .take(MAX_TRIES)
            .count()
    }

    /// Verifies the signature of a token whose claims are as expected.
    ///
    /// # Errors
    /// Whether no key fits, or none that fits has signed it.
    pub fn verify(
        &self,
        token: Acceptable<'_>,
        verifier: &mut SignatureVerifier<'_>,
    ) -> Result<Verified, BadSignature> {
        let checks = self.verify_jws(token.token().jws(), verifier)?;
        let expires_at = token.expires_at();
        let claims = token.into_token().into_claims();
        Ok(Verified::new(claims, expires_at, checks))
    }

    /// Verifies the signature alone, over a payload of any kind; how many checks it took.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_jws(
        &self,
        jws: &Jws<'_>,
        verifier: &mut SignatureVerifier<'_>,
    ) -> Result<usize, BadSignature> {
        let mut candidates = self.candidates(jws).peekable();
        if candidates.peek().is_none() {
            return Err(BadSignature::UnknownKey);
        }
        let mut tries = 0;
        for key in candidates.filter(|key| key.serves(jws.algorithm())) {
            if tries == MAX_TRIES {
                return Err(BadSignature::TooManyKeys);
            }
            tries += 1;
            if key.verifies(jws, verifier) {
                return Ok(tries);
            }
        }
        // It names a key that isn't here, and none without a name has signed it; or it names none, and
        // no key is for it.
        let may_be_of_a_new_key = match jws.key_id() {
            Some(_) => !self.names(jws),
            None => tries == 0,
        };
        Err(match tries {
            _ if may_be_of_a_new_key => BadSignature::UnknownKey,
            0 => BadSignature::AlgorithmMismatch,
            _ => BadSignature::Forged,
        })
    }

    /// Whether the token names one of the keys.
    fn names(&self, jws: &Jws<'_>) -> bool {
        let wanted = jws.key_id();
        wanted.is_some() && self.keys.iter().any(|key| key.id() == wanted)
    }

    /// The keys that the token may mean: those of the name that it gives, or else those without a
    /// name; all of them if it gives none.
    fn candidates(&self, jws: &Jws<'_>) -> impl Iterator<Item = &Key> {
        let wanted = jws.key_id();
        let named = self.names(jws);
        self.keys.iter().filter(move |key| match wanted {
            None => true,
            Some(_) if named => key.id() == wanted,
            Some(_) => key.id().is_none(),
        })
    }
}

/// Says how many keys there are, and nothing of them: some are secret.
impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeySet")
            .field("keys", &self.keys.len())
            .field("skipped", &self.skipped)
            .finish()
    }
}

/// A key of a set that isn't used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in the set, from 0.
    pub index: usize,
    /// Why it isn't used.
    pub reason: Skipped,
}

/// Why a key isn't used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// A member that is needed is missing or of the wrong type or length, or the numbers are no
    /// key of that type: the point isn't on the curve, say.
    Malformed,
    /// `kty` isn't RSA, EC, OKP or oct.
    KeyType,
    /// `crv` isn't P-256, P-384 or Ed25519.
    Curve,
    /// `use` isn't `sig`.
    Use,
    /// `key_ops` doesn't list `verify`.
    Operations,
    /// `alg` isn't known here, not for this type of key, or not allowed by the configuration.
    Algorithm,
    /// `kid` is longer than [`MAX_KEY_ID_BYTES`](crate::MAX_KEY_ID_BYTES).
    KeyId,
    /// The private half is published with it.
    PrivateKey,
    /// An RSA modulus of fewer than 2048 bits.
    RsaTooShort,
    /// An RSA modulus of more than 4096 bits.
    RsaTooLong,
    /// An RSA exponent other than 65537.
    RsaExponent,
    /// An RSA modulus of the generator of CVE-2017-15361.
    RsaWeakGenerator,
    /// A secret of fewer than 32 bytes.
    SecretTooShort,
}

impl Skipped {
    /// The reason in one word, for a log or a counter.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "key_malformed",
            Self::KeyType => "kty_unknown",
            Self::Curve => "crv_unknown",
            Self::Use => "use_not_sig",
            Self::Operations => "key_ops_without_verify",
            Self::Algorithm => "alg_not_allowed",
            Self::KeyId => "kid_too_long",
            Self::PrivateKey => "private_key_published",
            Self::RsaTooShort => "rsa_below_2048_bits",
            Self::RsaTooLong => "rsa_above_4096_bits",
            Self::RsaExponent => "rsa_exponent_not_65537",
            Self::RsaWeakGenerator => "rsa_weak_generator",
            Self::SecretTooShort => "secret_below_32_bytes",
        }
    }
}

/// Why a key set can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySetError {
    /// Longer than [`MAX_KEY_SET_BYTES`].
    TooLong,
    /// Not a JSON object that says one thing only.
    Json(JsonFault),
    /// There is no list `keys`.
    NoList,
    /// More than [`MAX_KEYS`].
    TooManyKeys,
    /// No key can be used; the first, if there is one, isn't for that reason.
    NoUsableKey(Option<SkippedKey>),
    /// There are secrets for HS256 among public keys.
    SecretAmongPublicKeys,
}

impl KeySetError {
    /// The reason in one word, for a log or a counter.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "key_set_too_long",
            Self::Json(JsonFault::Syntax) => "key_set_not_json",
            Self::Json(JsonFault::NotAnObject) => "key_set_not_an_object",
            Self::Json(JsonFault::DuplicateMember) => "key_set_member_twice",
            Self::Json(JsonFault::TooDeep) => "key_set_too_deep",
            Self::NoList => "key_set_without_keys",
            Self::TooManyKeys => "key_set_too_many_keys",
            Self::NoUsableKey(_) => "key_set_without_usable_key",
            Self::SecretAmongPublicKeys => "secret_among_public_keys",
        }
    }
}

/// Why no key vouches for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadSignature {
    /// No key has the name that the token gives (or it gives none, and no key is for its
    /// algorithm): a newer key set may have it.
    UnknownKey,
    /// The key isn't for that algorithm. A newer set wouldn't change that.
    AlgorithmMismatch,
    /// More than [`MAX_TRIES`] keys fit, and the first of them haven't signed it.
    TooManyKeys,
    /// No key that fits has signed it.
    Forged,
}

impl BadSignature {
    /// The reason in one word, for a log or a counter.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownKey => "key_unknown",
            Self::AlgorithmMismatch => "alg_not_of_key",
            Self::TooManyKeys => "too_many_keys_fit",
            Self::Forged => "signature_invalid",
        }
    }
}
