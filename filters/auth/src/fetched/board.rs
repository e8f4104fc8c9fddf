//! Where workers read and write what they agree on: two values in shared data, or nowhere.

use http_filter::{Conflict, Expected, Versioned, Worker};

use super::head::{Digest, Head, digest};
use super::outcome::Unusable;
use super::seal::SealingKey;

/// The two values of one document: a small sealed [`Head`], which is read often, and the document
/// itself, of which the head has the digest. Shared data is one name space for all plugins of the
/// proxy, and any of them could write here.
pub(super) struct Board {
    head: String,
    document: String,
    key: SealingKey,
    /// The version of the head that was looked at last; `None`: there was none at all.
    version: Option<u32>,
    /// Somebody else has written here, or the document didn't go with its head.
    torn: bool,
}

/// What a look at the head gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is as it was, or not there.
    Same,
    Head(Head),
    Unusable(Unusable),
}

impl Board {
    pub(super) fn new(name: &str, key: SealingKey) -> Self {
        Self {
            head: format!("{name}.head"),
            document: format!("{name}.document"),
            key,
            version: None,
            torn: false,
        }
    }

    /// Looks at the head; `known` is the one that this worker has seen. An older one than that
    /// has been put back by somebody: none of our workers does.
    pub(super) fn look(&mut self, known: &Head, host: &dyn Worker) -> Look {
        let Some(Versioned { value, version }) = host.shared(&self.head) else {
            return Look::Same;
        };
        if self.version.replace(version) == Some(version) {
            return Look::Same;
        }
        let look = match Head::read(&value, &self.head, &self.key) {
            None => Look::Unusable(Unusable::Forged),
            Some(head) if is_before(&head, known) => Look::Unusable(Unusable::Stale),
            Some(head) => Look::Head(head),
        };
        self.torn |= matches!(look, Look::Unusable(_));
        look
    }

    /// Replaces the head that was looked at last.
    pub(super) fn write(&mut self, head: Head, host: &mut dyn Worker) -> Result<(), Conflict> {
        let bytes = head.to_bytes(&self.head, &self.key);
        let expected = self.version.map_or(Expected::Absent, Expected::Version);
        host.set_shared(&self.head, &bytes, expected)
    }

    /// The document with this digest, as long as a reader lets it be.
    pub(super) fn document(
        &mut self,
        wanted: &Digest,
        host: &dyn Worker,
    ) -> Result<Vec<u8>, Unusable> {
        let found = host.shared(&self.document).map(|found| found.value);
        let found = found.filter(|found| digest(found) == *wanted);
        self.torn = found.is_none();
        found.ok_or(Unusable::Forged)
    }

    /// Where a document of this digest would be put; `None` where it stands there already.
    /// `shared` is the digest in the head that stands there.
    pub(super) fn place(
        &self,
        digest: &Digest,
        shared: Option<&Digest>,
        host: &dyn Worker,
    ) -> Option<Place> {
        if self.stands_there(digest, shared) {
            return None;
        }
        let found = host.shared(&self.document);
        Some(Place(found.map_or(Expected::Absent, |found| {
            Expected::Version(found.version)
        })))
    }

    /// Puts a document there, unless it stands there already. The head that has its digest is to
    /// be written after it.
    pub(super) fn put(
        &mut self,
        document: &[u8],
        digest: &Digest,
        shared: Option<&Digest>,
        place: Option<Place>,
        host: &mut dyn Worker,
    ) -> Result<(), Conflict> {
        if self.stands_there(digest, shared) {
            return Ok(());
        }
        let Place(expected) = place.ok_or(Conflict)?;
        host.set_shared(&self.document, document, expected)?;
        self.torn = false;
        Ok(())
    }

    fn stands_there(&self, digest: &Digest, shared: Option<&Digest>) -> bool {
        !self.torn && shared == Some(digest)
    }
}

/// Where a document is put, as it was when it was looked at.
pub(super) struct Place(Expected);

fn is_before(head: &Head, known: &Head) -> bool {
    head.ticket < known.ticket || head.newest_ticket() < known.newest_ticket()
}
