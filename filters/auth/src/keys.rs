//! API keys, of which only the SHA-256 is known here.

use facts::{Identity, Name};
use hashbrown::HashMap;
use sha2::{Digest, Sha256};

/// The SHA-256 of an API key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyDigest([u8; 32]);

/// Who calls with which key.
///
/// The look-up goes by the digest: what its time tells is about a digest that the caller can't
/// steer, not about a key.
#[derive(Default)]
pub(crate) struct Keys(HashMap<KeyDigest, Identity>);

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
    pub(crate) fn insert(&mut self, key: KeyDigest, identity: Identity) -> Result<(), Name> {
        match self.0.get(&key) {
            Some(other) => Err(other.key.clone()),
            None => {
                self.0.insert(key, identity);
                Ok(())
            }
        }
    }

    /// Whose key it is.
    pub(crate) fn identity(&self, key: &[u8]) -> Option<&Identity> {
        self.0.get(&KeyDigest::of(key))
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
