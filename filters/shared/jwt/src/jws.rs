//! A JWS in the compact serialisation (RFC 7515, section 7.1): its form, before any key.

use crate::json::{JsonFault, Object, Value};
use crate::{Algorithm, base64url};

/// Longest token. Those of the large issuers take one to four kilobytes; proxies and browsers
/// refuse headers much above eight.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Longest `kid`. It is only ever compared: digests and names take some forty bytes.
pub const MAX_KEY_ID_BYTES: usize = 512;

/// Why a token doesn't have the form that it must have. Nothing of its content is in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Longer than [`MAX_TOKEN_BYTES`].
    TooLong,
    /// Not three parts with a dot between each.
    NotThreeParts,
    /// The header isn't base64url, without padding, in its one spelling.
    HeaderEncoding,
    /// The header isn't a JSON object that says one thing only.
    Header(JsonFault),
    /// `alg` is missing or no string.
    NoAlgorithm,
    /// `alg` is `none`, in some casing.
    AlgorithmNone,
    /// `alg` is an algorithm that isn't known here.
    AlgorithmUnknown,
    /// There is a `crit`: an extension that must be understood, and none is.
    Critical,
    /// `kid` isn't a string, or longer than [`MAX_KEY_ID_BYTES`].
    KeyId,
    /// `typ` says that it is another kind of token.
    Type,
    /// `cty` says that there is another token inside.
    Nested,
    /// The claims aren't base64url, without padding, in their one spelling.
    ClaimsEncoding,
    /// The claims aren't a JSON object that says one thing only.
    Claims(JsonFault),
    /// The signature isn't base64url, without padding, in its one spelling.
    SignatureEncoding,
    /// There is no signature.
    NoSignature,
}

impl Malformed {
    /// The reason in one word, for a log or a counter.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NotThreeParts => "token_not_three_parts",
            Self::HeaderEncoding => "header_not_base64url",
            Self::Header(JsonFault::Syntax) => "header_not_json",
            Self::Header(JsonFault::NotAnObject) => "header_not_an_object",
            Self::Header(JsonFault::DuplicateMember) => "header_member_twice",
            Self::Header(JsonFault::TooDeep) => "header_too_deep",
            Self::NoAlgorithm => "alg_missing",
            Self::AlgorithmNone => "alg_none",
            Self::AlgorithmUnknown => "alg_unknown",
            Self::Critical => "crit_refused",
            Self::KeyId => "kid_malformed",
            Self::Type => "typ_refused",
            Self::Nested => "token_nested",
            Self::ClaimsEncoding => "claims_not_base64url",
            Self::Claims(JsonFault::Syntax) => "claims_not_json",
            Self::Claims(JsonFault::NotAnObject) => "claims_not_an_object",
            Self::Claims(JsonFault::DuplicateMember) => "claim_twice",
            Self::Claims(JsonFault::TooDeep) => "claims_too_deep",
            Self::SignatureEncoding => "signature_not_base64url",
            Self::NoSignature => "signature_missing",
        }
    }
}

/// A signed text of the right form; the signature hasn't been looked at.
///
/// It has no `Debug`: whoever prints it would print a credential.
#[derive(Clone)]
pub struct Jws<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    header: Object,
    /// Header and payload as they stand in the token: what was signed.
    text: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart. The payload may be anything, also nothing.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order in which [`Malformed`] lists it.
    pub fn parse(token: &'a [u8]) -> Result<Self, Malformed> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Malformed::TooLong);
        }
        let (text, header, payload, signature) = parts(token).ok_or(Malformed::NotThreeParts)?;
        let header = base64url::decode(header).ok_or(Malformed::HeaderEncoding)?;
        let header = Object::parse(&header).map_err(Malformed::Header)?;
        let algorithm = algorithm(&header)?;
        if header.get("crit").is_some() {
            return Err(Malformed::Critical);
        }
        let key_id = key_id(&header)?;
        let payload = base64url::decode(payload).ok_or(Malformed::ClaimsEncoding)?;
        let signature = base64url::decode(signature).ok_or(Malformed::SignatureEncoding)?;
        if signature.is_empty() {
            return Err(Malformed::NoSignature);
        }
        Ok(Self {
            algorithm,
            key_id,
            header,
            text,
            payload,
            signature,
        })
    }

    /// The algorithm that the token names. A key decides whether it counts.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that the token names. An empty name is none.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What was signed, decoded.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(crate) fn header(&self) -> &Object {
        &self.header
    }

    pub(crate) fn text(&self) -> &'a [u8] {
        self.text
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// What was signed, and the three parts.
type Parts<'a> = (&'a [u8], &'a [u8], &'a [u8], &'a [u8]);

fn parts(token: &[u8]) -> Option<Parts<'_>> {
    let mut dots = token.iter().enumerate().filter(|(_, byte)| **byte == b'.');
    let (first, _) = dots.next()?;
    let (second, _) = dots.next()?;
    if dots.next().is_some() {
        return None;
    }
    let (text, signature) = (token.get(..second)?, token.get(second..)?.get(1..)?);
    let (header, payload) = (text.get(..first)?, text.get(first..)?.get(1..)?);
    Some((text, header, payload, signature))
}

fn algorithm(header: &Object) -> Result<Algorithm, Malformed> {
    let Some(Value::Text(name)) = header.get("alg") else {
        return Err(Malformed::NoAlgorithm);
    };
    if name.eq_ignore_ascii_case("none") {
        return Err(Malformed::AlgorithmNone);
    }
    Algorithm::named(name).ok_or(Malformed::AlgorithmUnknown)
}

fn key_id(header: &Object) -> Result<Option<String>, Malformed> {
    match header.get("kid") {
        None => Ok(None),
        Some(Value::Text(id)) if id.is_empty() => Ok(None),
        Some(Value::Text(id)) if id.len() <= MAX_KEY_ID_BYTES => Ok(Some(id.clone())),
        Some(_) => Err(Malformed::KeyId),
    }
}
