//! What tells our own writing in shared data from that of another plugin.

use hmac_sha256::HMAC;

/// Bytes of a seal.
pub(super) const SEAL_BYTES: usize = 32;

/// Seals this use of the gateway's secret, and no other one that it may have.
const USE: &[u8] = b"ai-gateway auth: head of a fetched document, v1";

/// The key under which shared values are sealed, made from a secret of the gateway.
#[derive(Clone)]
pub(crate) struct SealingKey([u8; 32]);

impl SealingKey {
    /// The shortest secret, in bytes: as long as what is made from it (RFC 2104, section 3).
    pub(crate) const LEAST_BYTES: usize = 32;

    /// `None` where the secret is too short.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        (secret.len() >= Self::LEAST_BYTES).then(|| Self(HMAC::mac(USE, secret)))
    }

    /// The seal of a value that stands under a name: it is right nowhere else.
    pub(super) fn seal(&self, name: &str, value: &[u8]) -> [u8; SEAL_BYTES] {
        self.mac(name, value).finalize()
    }

    /// Whether a seal is right, in a time that doesn't tell how much of it is.
    pub(super) fn is_right(&self, name: &str, value: &[u8], seal: &[u8; SEAL_BYTES]) -> bool {
        self.mac(name, value).finalize_verify(seal)
    }

    fn mac(&self, name: &str, value: &[u8]) -> HMAC {
        let mut mac = HMAC::new(self.0);
        mac.update((name.len() as u64).to_le_bytes());
        mac.update(name);
        mac.update(value);
        mac
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use hmac_sha256::HMAC;

    use super::SealingKey;

    #[test]
    fn the_mac_is_hmac_sha_256() {
        // RFC 4231, test case 2.
        let wanted = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
            0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9,
            0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(HMAC::mac("what do ya want for nothing?", "Jefe"), wanted);
    }

    #[test]
    fn a_seal_is_right_for_its_name_value_and_key_only() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let seal = key.seal("name", b"value");
        assert!(key.is_right("name", b"value", &seal));
        assert!(!key.is_right("nam", b"evalue", &seal));
        assert!(!key.is_right("name", b"valu", &seal));
        assert!(!key.is_right("other", b"value", &seal));
        let other = SealingKey::new(&[8; 32]).unwrap();
        assert!(!other.is_right("name", b"value", &seal));
        for bit in 0..256 {
            let mut flipped = seal;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.is_right("name", b"value", &flipped));
        }
    }

    #[test]
    fn a_short_secret_is_none() {
        assert!(SealingKey::new(&[7; 31]).is_none());
    }
}
