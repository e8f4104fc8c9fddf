//! The claims that every token is judged by (RFC 7519, section 4.1).

use crate::Token;
use crate::json::{Number, Object, Value};

/// What a token's claims must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectations {
    /// The issuer, to the letter.
    pub issuer: String,
    /// Audiences of which the token must name one, to the letter. Empty: the audience doesn't
    /// matter, which is safe only for an issuer whose tokens are all meant for here (RFC 8725,
    /// section 3.9).
    pub audiences: Vec<String>,
    /// How far the issuer's clock may be off, in seconds.
    pub tolerance: u64,
    /// The longest time from `iat` to `exp`, in seconds. With it, `iat` is required.
    pub max_lifetime: Option<u64>,
}

impl Expectations {
    /// The tolerance that Envoy has when it isn't told another.
    pub const DEFAULT_TOLERANCE: u64 = 60;

    /// Of that issuer, for any audience and lifetime, with the default tolerance.
    #[must_use]
    pub fn of_issuer(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audiences: Vec::new(),
            tolerance: Self::DEFAULT_TOLERANCE,
            max_lifetime: None,
        }
    }

    /// Judges the claims, `now` in seconds since 1970-01-01 UTC.
    ///
    /// This comes before the signature because it costs next to nothing.
    ///
    /// # Errors
    /// The first claim that isn't as expected.
    pub fn check<'a>(&self, token: Token<'a>, now: u64) -> Result<Acceptable<'a>, ClaimError> {
        let claims = token.claims();
        self.check_issuer(claims)?;
        self.check_audience(claims)?;
        let expires_at = self.check_times(claims, now)?;
        optional_text(claims, "sub").map_err(|()| ClaimError::SubjectInvalid)?;
        optional_text(claims, "jti").map_err(|()| ClaimError::TokenIdInvalid)?;
        Ok(Acceptable { token, expires_at })
    }

    fn check_issuer(&self, claims: &Object) -> Result<(), ClaimError> {
        match optional_text(claims, "iss") {
            Ok(Some(issuer)) if issuer == self.issuer => Ok(()),
            Ok(Some(_)) => Err(ClaimError::IssuerMismatch),
            Ok(None) => Err(ClaimError::IssuerMissing),
            Err(()) => Err(ClaimError::IssuerInvalid),
        }
    }

    fn check_audience(&self, claims: &Object) -> Result<(), ClaimError> {
        let expected = |audience: &str| self.audiences.iter().any(|each| each == audience);
        let named = match claims.get("aud") {
            None if self.audiences.is_empty() => return Ok(()),
            None => return Err(ClaimError::AudienceMissing),
            Some(Value::Text(audience)) => expected(audience),
            Some(Value::List(audiences)) => {
                let mut named = false;
                for audience in audiences {
                    let Value::Text(audience) = audience else {
                        return Err(ClaimError::AudienceInvalid);
                    };
                    named |= expected(audience);
                }
                named
            }
            Some(_) => return Err(ClaimError::AudienceInvalid),
        };
        if named || self.audiences.is_empty() {
            Ok(())
        } else {
            Err(ClaimError::AudienceMismatch)
        }
    }

    /// `exp`, if all is well with it and the other times.
    fn check_times(&self, claims: &Object, now: u64) -> Result<u64, ClaimError> {
        let expires_at = date(claims, "exp")
            .map_err(|()| ClaimError::ExpiryInvalid)?
            .ok_or(ClaimError::ExpiryMissing)?;
        if now >= expires_at.saturating_add(self.tolerance) {
            return Err(ClaimError::Expired);
        }
        let latest = now.saturating_add(self.tolerance);
        let not_before = date(claims, "nbf").map_err(|()| ClaimError::NotBeforeInvalid)?;
        if not_before.is_some_and(|not_before| latest < not_before) {
            return Err(ClaimError::NotYetValid);
        }
        let issued_at = date(claims, "iat").map_err(|()| ClaimError::IssuedAtInvalid)?;
        if issued_at.is_some_and(|issued_at| latest < issued_at) {
            return Err(ClaimError::IssuedInFuture);
        }
        if let Some(max_lifetime) = self.max_lifetime {
            let issued_at = issued_at.ok_or(ClaimError::IssuedAtMissing)?;
            if expires_at.saturating_sub(issued_at) > max_lifetime {
                return Err(ClaimError::LifetimeTooLong);
            }
        }
        Ok(expires_at)
    }
}

/// A token whose claims are as expected; the signature hasn't been looked at.
#[derive(Clone)]
pub struct Acceptable<'a> {
    token: Token<'a>,
    expires_at: u64,
}

impl<'a> Acceptable<'a> {
    /// The token.
    #[must_use]
    pub fn token(&self) -> &Token<'a> {
        &self.token
    }

    /// When it ends, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    pub(crate) fn into_token(self) -> Token<'a> {
        self.token
    }
}

/// Why claims aren't as expected. Nothing of their content is in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimError {
    /// There is no `iss`.
    IssuerMissing,
    /// `iss` isn't a string.
    IssuerInvalid,
    /// It is another issuer's.
    IssuerMismatch,
    /// There is no `aud`.
    AudienceMissing,
    /// `aud` is neither a string nor a list of strings.
    AudienceInvalid,
    /// It is meant for somebody else.
    AudienceMismatch,
    /// There is no `exp`.
    ExpiryMissing,
    /// `exp` isn't a date.
    ExpiryInvalid,
    /// It has expired.
    Expired,
    /// `nbf` isn't a date.
    NotBeforeInvalid,
    /// It isn't valid yet.
    NotYetValid,
    /// `iat` isn't a date.
    IssuedAtInvalid,
    /// It was issued in the future.
    IssuedInFuture,
    /// There is no `iat`, and the lifetime is bounded.
    IssuedAtMissing,
    /// It lives longer than tokens may.
    LifetimeTooLong,
    /// `sub` isn't a string.
    SubjectInvalid,
    /// `jti` isn't a string.
    TokenIdInvalid,
}

impl ClaimError {
    /// The reason in one word, for a log or a counter.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::IssuerMissing => "iss_missing",
            Self::IssuerInvalid => "iss_malformed",
            Self::IssuerMismatch => "iss_mismatch",
            Self::AudienceMissing => "aud_missing",
            Self::AudienceInvalid => "aud_malformed",
            Self::AudienceMismatch => "aud_mismatch",
            Self::ExpiryMissing => "exp_missing",
            Self::ExpiryInvalid => "exp_malformed",
            Self::Expired => "token_expired",
            Self::NotBeforeInvalid => "nbf_malformed",
            Self::NotYetValid => "token_not_yet_valid",
            Self::IssuedAtInvalid => "iat_malformed",
            Self::IssuedInFuture => "iat_in_future",
            Self::IssuedAtMissing => "iat_missing",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::SubjectInvalid => "sub_malformed",
            Self::TokenIdInvalid => "jti_malformed",
        }
    }
}

/// The last second that a date may name: beyond it an `f64`, which JSON numbers are to many
/// readers, no longer tells one second from the next.
const LATEST_DATE: u64 = 1 << 53;

/// A NumericDate (RFC 7519, section 2), without its fraction of a second.
fn date(claims: &Object, name: &str) -> Result<Option<u64>, ()> {
    let seconds = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(Number::Whole(seconds))) => *seconds,
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast of a float saturates, and the sign is checked"
        )]
        Some(Value::Number(Number::Fraction(seconds))) if *seconds >= 0.0 => *seconds as u64,
        Some(_) => return Err(()),
    };
    if seconds > LATEST_DATE {
        return Err(());
    }
    Ok(Some(seconds))
}

fn optional_text<'c>(claims: &'c Object, name: &str) -> Result<Option<&'c str>, ()> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(()),
    }
}
