//! A JWT: a JWS whose payload is a set of claims (RFC 7519).

use crate::json::{Object, Value};
use crate::{Algorithm, Jws, Malformed, base64url};

/// A token of the right form. What it says is unproven: good for refusing it, or for finding the
/// keys that could prove it, and for nothing else.
///
/// It has no `Debug`: whoever prints it would print a credential.
#[derive(Clone)]
pub struct Token<'a> {
    jws: Jws<'a>,
    claims: Object,
}

impl<'a> Token<'a> {
    /// Takes a token apart, without a key and without a clock.
    ///
    /// # Errors
    /// The first thing that is wrong with its form.
    pub fn parse(token: &'a [u8]) -> Result<Self, Malformed> {
        let jws = Jws::parse(token)?;
        if !is_access_token(jws.header()) {
            return Err(Malformed::Type);
        }
        if is_nested(jws.header()) {
            return Err(Malformed::Nested);
        }
        let claims = Object::parse(jws.payload()).map_err(Malformed::Claims)?;
        Ok(Self { jws, claims })
    }

    /// The `iss` of what [`parse`](Self::parse) refuses, as far as it can be read: to say in a log
    /// whose token it would be. Padding, which is refused too, is overlooked.
    #[must_use]
    pub fn issuer_of_malformed(token: &[u8]) -> Option<String> {
        let mut parts = token.split(|byte| *byte == b'.');
        let (_header, payload) = (parts.next()?, parts.next()?);
        let end = payload.iter().rposition(|byte| *byte != b'=')?;
        let claims = base64url::decode(payload.get(..=end)?)?;
        match Object::parse(&claims).ok()?.get("iss") {
            Some(Value::Text(issuer)) => Some(issuer.clone()),
            _ => None,
        }
    }

    /// Who issued it, if it is to be believed: the `iss` that says whose keys to ask for.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match self.claims.get("iss") {
            Some(Value::Text(issuer)) => Some(issuer),
            _ => None,
        }
    }

    /// The algorithm that it names.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.jws.algorithm()
    }

    /// The key that it names.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.jws.key_id()
    }

    pub(crate) fn jws(&self) -> &Jws<'a> {
        &self.jws
    }

    pub(crate) fn claims(&self) -> &Object {
        &self.claims
    }

    pub(crate) fn into_claims(self) -> Object {
        self.claims
    }
}

/// Whether `typ` leaves open that this is an access token: absent, `JWT`, or RFC 9068's `at+jwt`.
///
/// Explicit typing (RFC 8725, section 3.11) keeps a logout token, a DPoP proof or a security
/// event, under the same issuer's key, from passing for one. A media type is spelt in any case,
/// and `application/` may be left out (RFC 7515, section 4.1.9).
fn is_access_token(header: &Object) -> bool {
    let kind = match header.get("typ") {
        None => return true,
        Some(Value::Text(kind)) => kind.to_ascii_lowercase(),
        Some(_) => return false,
    };
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    matches!(kind, "jwt" | "at+jwt")
}

/// Whether `cty` says that the payload is another token (RFC 7519, section 5.2).
fn is_nested(header: &Object) -> bool {
    match header.get("cty") {
        None => false,
        Some(Value::Text(kind)) => {
            let kind = kind.to_ascii_lowercase();
            kind.strip_prefix("application/").unwrap_or(&kind) == "jwt"
        }
        Some(_) => true,
    }
}
