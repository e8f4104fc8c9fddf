//! One issuer of tokens, and the issuers that there are.

use std::rc::Rc;

use facts::Name;
use hashbrown::HashMap;
use jwt::Expectations;

use crate::claims::Claims;
use crate::issuer_keys::IssuerKeys;

/// One issuer of tokens.
pub(crate) struct Issuer {
    /// Its name in the configuration.
    pub(crate) name: Rc<str>,
    /// The same, as the label of its tokens.
    pub(crate) label: Name,
    pub(crate) expectations: Expectations,
    pub(crate) keys: IssuerKeys,
    pub(crate) claims: Claims,
    /// Its tokens are judged and counted, and none is refused.
    pub(crate) is_watched: bool,
}

/// All issuers; each `iss` is one issuer's.
#[derive(Default)]
pub(crate) struct Issuers {
    issuers: Vec<Issuer>,
    by_iss: HashMap<String, usize>,
}

impl Issuers {
    /// Adds one.
    ///
    /// # Errors
    /// Gives the name of the one that has this `iss` already.
    pub(crate) fn insert(&mut self, issuer: Issuer) -> Result<(), Rc<str>> {
        let iss = &issuer.expectations.issuer;
        if let Some((_, other)) = self.of(iss) {
            return Err(Rc::clone(&other.name));
        }
        self.by_iss.insert(iss.clone(), self.issuers.len());
        self.issuers.push(issuer);
        Ok(())
    }

    pub(crate) fn all(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The issuer that a token's `iss` names, with its place.
    pub(crate) fn of(&self, iss: &str) -> Option<(usize, &Issuer)> {
        let place = *self.by_iss.get(iss)?;
        Some((place, self.issuers.get(place)?))
    }

    /// The issuer at a place.
    pub(crate) fn at(&self, place: usize) -> Option<&Issuer> {
        self.issuers.get(place)
    }
}
