//! What a proven token says.

use crate::ClaimPath;
use crate::json::{Object, Value};

/// Most texts that a list may have to be read as one.
pub const MAX_LISTED_TEXTS: usize = 256;

/// The claims of a token whose form, claims and signature are right.
/// Only [`KeySet::verify`](crate::KeySet::verify) makes one.
#[derive(Clone)]
pub struct Verified {
    claims: Object,
    expires_at: u64,
    checks: usize,
}

impl Verified {
    pub(crate) fn new(claims: Object, expires_at: u64, checks: usize) -> Self {
        Self {
            claims,
            expires_at,
            checks,
        }
    }

    /// How many signature checks it took: at most what [`KeySet::checks`](crate::KeySet::checks)
    /// said.
    #[must_use]
    pub fn checks(&self) -> usize {
        self.checks
    }

    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        // The issuer is there: it was compared.
        self.text("iss").unwrap_or_default()
    }

    /// Whom it is about.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// When it ends, in seconds since 1970-01-01 UTC, tolerance not included.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// The claim that stands there.
    #[must_use]
    pub fn claim(&self, path: &ClaimPath) -> Claim<'_> {
        let mut names = path.names();
        let mut value = names.next().and_then(|name| self.claims.get(name));
        for name in names {
            value = match value {
                Some(Value::Object(object)) => object.get(name),
                _ => None,
            };
        }
        value.map_or(Claim::Absent, Claim::read)
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.claims.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// What stands at a [`ClaimPath`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim<'a> {
    /// Nothing.
    Absent,
    /// A string.
    Text(&'a str),
    /// A list of strings, perhaps empty.
    Texts(Vec<&'a str>),
    /// Something else, or a list of more than [`MAX_LISTED_TEXTS`].
    Other,
}

impl<'a> Claim<'a> {
    fn read(value: &'a Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::List(values) if values.len() <= MAX_LISTED_TEXTS => {
                let texts: Option<Vec<&str>> = values
                    .iter()
                    .map(|each| match each {
                        Value::Text(text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                texts.map_or(Self::Other, Self::Texts)
            }
            _ => Self::Other,
        }
    }
}
