//! Whose an API key is: by the configuration, and by the lists that were fetched.

use std::cell::RefCell;
use std::rc::Rc;

use facts::Identity;
use http_filter::Time;

use crate::fetched::{Current, Fetched, Wanted};
use crate::key_list::KeyList;
use crate::keys::{Expired, KeyDigest, Keys};
use crate::verdict::{Class, Fault, Finding, Good, Kind, Waits};

/// All API keys.
pub(crate) struct ApiKeys {
    pub(crate) inline: Keys,
    pub(crate) lists: Vec<RefCell<Fetched<KeyList>>>,
}

impl ApiKeys {
    /// Whose key it is.
    pub(crate) fn finding(&self, key: &[u8], now: Time) -> Finding {
        let digest = KeyDigest::of(key);
        if let Some(owner) = self.inline.owner(&digest, now.seconds()) {
            return known(owner);
        }
        let mut missing = None;
        for list in &self.lists {
            match list.borrow().current(now) {
                Current::Usable { document, .. } => {
                    if let Some(owner) = document.keys.owner(&digest, now.seconds()) {
                        return known(owner);
                    }
                }
                Current::Missing | Current::Expired => missing = Some(list),
            }
        }
        match missing {
            None => Finding::Foreign(fault(Class::Unauthenticated, "unknown_key")),
            Some(list) => not_ready(list, now),
        }
    }
}

fn known(owner: Result<&Rc<Identity>, Expired>) -> Finding {
    match owner {
        Ok(identity) => Finding::Good(Good {
            kind: Kind::ApiKey,
            identity: Rc::clone(identity),
        }),
        Err(Expired) => Finding::Bad(fault(Class::Unauthenticated, "key_expired")),
    }
}

/// The key may stand in a list that isn't here.
fn not_ready(list: &RefCell<Fetched<KeyList>>, now: Time) -> Finding {
    let fault = fault(Class::NotReady, "key_list_missing");
    match list.borrow_mut().want_fresh(now) {
        Wanted::Wait { until } => Finding::Waits(Waits { fault, until }),
        Wanted::No => Finding::Bad(fault),
    }
}

fn fault(class: Class, reason: &'static str) -> Fault {
    Fault::new(Kind::ApiKey, class, reason)
}
