//! API keys, of which only the SHA-256 is known here.

use std::rc::Rc;

use facts::{Identity, Name};
use hashbrown::HashMap;
use sha2::{Digest, Sha256};

/// The SHA-256 of an API key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyDigest([u8; 32]);

/// Who calls with which key.
///
/// The look-up goes by the digest, so its time doesn't depend on a key's content: what it tells,
/// at most how far two digests agree, is about digests. A caller can't choose a key by its digest,
/// and a digest doesn't lead back to a key.
#[derive(Default)]
pub(crate) struct Keys(HashMap<KeyDigest, Key>);

/// What is known of a key.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) identity: Rc<Identity>,
    /// From when on it doesn't count any more, in seconds since 1970-01-01 UTC.
    pub(crate) expires: Option<u64>,
}

/// The key was ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expired;

impl KeyDigest {
    /// The digest of a key as a caller sends it.
    pub(crate) fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// 64 hexadecimal digits.
    pub(crate) fn from_hex(hex: &str) -> Option<Self> {
        let mut digest = [0; 32];
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        if pairs.len() != digest.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            let digit = |digit: &u8| char::from(*digit).to_digit(16);
            *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
        }
        Some(Self(digest))
    }
}

impl Keys {
    /// Adds a key.
    ///
    /// # Errors
    /// Gives the label under which this key stands already.
    pub(crate) fn insert(&mut self, digest: KeyDigest, key: Key) -> Result<(), Name> {
        match self.0.get(&digest) {
            Some(other) => Err(other.identity.key.clone()),
            None => {
                self.0.insert(digest, key);
                Ok(())
            }
        }
    }

    /// Whose key it is; `None` where it is none of ours. `now` in seconds since 1970-01-01 UTC.
    pub(crate) fn owner(
        &self,
        digest: &KeyDigest,
        now: u64,
    ) -> Option<Result<&Rc<Identity>, Expired>> {
        let key = self.0.get(digest)?;
        let expired = key.expires.is_some_and(|expires| now >= expires);
        Some(if expired {
            Err(Expired)
        } else {
            Ok(&key.identity)
        })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::KeyDigest;

    #[test]
    fn the_digest_is_sha_256() {
        // FIPS 180-2, appendix B.1.
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(KeyDigest::from_hex(of_abc) == Some(KeyDigest::of(b"abc")));
        assert!(KeyDigest::from_hex(&of_abc.to_uppercase()) == Some(KeyDigest::of(b"abc")));
    }

    #[test]
    fn other_text_is_no_digest() {
        for text in [
            "",
            "12",
            &"g".repeat(64),
            &"a".repeat(63),
            &"a".repeat(65),
            &"é".repeat(32),
        ] {
            assert!(KeyDigest::from_hex(text).is_none(), "{text}");
        }
    }
}
