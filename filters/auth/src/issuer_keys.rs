//! The keys of an issuer: from the configuration, or fetched.

use std::cell::{Ref, RefCell};
use std::ops::Deref;

use http_filter::Time;
use jwt::KeySet;

use crate::fetched::{Current, Fetched, Wanted};

/// The keys of an issuer.
pub(crate) enum IssuerKeys {
    Inline(KeySet),
    Fetched(Box<RefCell<Fetched<KeySet>>>),
}

/// The keys that are in use.
pub(crate) enum InUse<'a> {
    Inline(&'a KeySet),
    Fetched(Ref<'a, KeySet>),
}

impl IssuerKeys {
    /// The keys at a time; `None` where none were fetched, or too long ago.
    pub(crate) fn at(&self, now: Time) -> Option<InUse<'_>> {
        match self {
            Self::Inline(keys) => Some(InUse::Inline(keys)),
            Self::Fetched(fetched) => {
                let keys =
                    Ref::filter_map(fetched.borrow(), |fetched| match fetched.current(now) {
                        Current::Usable { document, .. } => Some(document),
                        Current::Missing | Current::Expired => None,
                    });
                keys.ok().map(InUse::Fetched)
            }
        }
    }

    /// A number that changes with the keys; `None` where there are none.
    pub(crate) fn version(&self, now: Time) -> Option<u64> {
        match self {
            Self::Inline(_) => Some(0),
            Self::Fetched(fetched) => match fetched.borrow().current(now) {
                Current::Usable { edition, .. } => Some(edition),
                Current::Missing | Current::Expired => None,
            },
        }
    }

    /// Asks for keys newer than those in use: the time when it is decided whether some come, if
    /// any may.
    pub(crate) fn want_fresh(&self, now: Time) -> Option<Time> {
        match self {
            Self::Inline(_) => None,
            Self::Fetched(fetched) => match fetched.borrow_mut().want_fresh(now) {
                Wanted::Wait { until } => Some(until),
                Wanted::No => None,
            },
        }
    }

    /// Whether the last fetch gave nothing: then keys that aren't here may be there all the same.
    pub(crate) fn last_fetch_failed(&self) -> bool {
        match self {
            Self::Inline(_) => false,
            Self::Fetched(fetched) => fetched.borrow().last_fetch_failed(),
        }
    }
}

impl Deref for InUse<'_> {
    type Target = KeySet;

    fn deref(&self) -> &KeySet {
        match self {
            Self::Inline(keys) => keys,
            Self::Fetched(keys) => keys,
        }
    }
}
