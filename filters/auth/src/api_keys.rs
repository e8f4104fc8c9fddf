//! Whose an API key is: by the configuration, and by the lists that were fetched.

use std::cell::RefCell;
use std::rc::Rc;

use facts::Identity;
use http_filter::Time;

use crate::fetched::{Current, Fetched, Wanted};
use crate::key_list::KeyList;
use crate::keys::{Expired, KeyDigest, Keys};
use crate::verdict::{Class, Fault, Finding, Good, Kind};

/// The longest key, in bytes.
const MOST_BYTES: usize = jwt::MAX_TOKEN_BYTES;

/// All API keys.
pub(crate) struct ApiKeys {
    pub(crate) inline: Keys,
    pub(crate) lists: Vec<RefCell<Fetched<KeyList>>>,
}

impl ApiKeys {
    /// Whose key it is.
    pub(crate) fn finding(&self, key: &[u8], now: Time) -> Finding {
        // A digest of it would cost more than all else.
        if key.len() > MOST_BYTES {
            return nobodys();
        }
        let digest = KeyDigest::of(key);
        let mut expired = false;
        match self.inline.owner(&digest, now.seconds()) {
            Some(Ok(identity)) => return good(identity),
            Some(Err(Expired)) => expired = true,
            None => {}
        }
        let mut missing = None;
        for list in &self.lists {
            match list.borrow().current(now) {
                Current::Usable { document, .. } => {
                    match document.keys.owner(&digest, now.seconds()) {
                        Some(Ok(identity)) => return good(identity),
                        Some(Err(Expired)) => expired = true,
                        None => {}
                    }
                }
                Current::Missing | Current::Expired => missing = Some(list),
            }
        }
        match missing {
            Some(list) => not_ready(list, now),
            None if expired => Finding::Bad(fault(Class::Unauthenticated, "key_expired")),
            None => nobodys(),
        }
    }
}

fn nobodys() -> Finding {
    Finding::Foreign(fault(Class::Unauthenticated, "unknown_key"))
}

fn good(identity: &Rc<Identity>) -> Finding {
    Finding::Good(Good {
        kind: Kind::ApiKey,
        identity: Rc::clone(identity),
    })
}

/// The key may stand in a list that isn't here.
fn not_ready(list: &RefCell<Fetched<KeyList>>, now: Time) -> Finding {
    let fault = fault(Class::NotReady, "key_list_missing");
    match list.borrow_mut().want_fresh(now) {
        Wanted::Wait { until } => Finding::Undecided(fault, Some(until)),
        Wanted::No => Finding::Undecided(fault, None),
    }
}

fn fault(class: Class, reason: &'static str) -> Fault {
    Fault::new(Kind::ApiKey, class, reason)
}
