//! Signature algorithms (RFC 7518, section 3.1; RFC 8037, section 3.1) and sets of them.

/// A signature algorithm. `none` isn't one, and there is no way to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, and as much salt.
    Ps256,
    /// RSASSA-PSS with SHA-384, and as much salt.
    Ps384,
    /// RSASSA-PSS with SHA-512, and as much salt.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256: whoever can verify can also sign.
    Hs256,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Hs256,
    ];

    /// The algorithm of that name. Names are case-sensitive (RFC 7515, section 4.1.1).
    ///
    /// `Ed25519` is RFC 9864's name for what `EdDSA` means here: the curve is the key's.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|each| each.name() == name)
    }

    /// Its name in `alg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithms(u16);

impl Algorithms {
    /// No algorithm at all.
    pub const NONE: Self = Self(0);

    /// All whose keys can be published: every one but HS256.
    #[must_use]
    pub fn asymmetric() -> Self {
        Algorithm::ALL
            .into_iter()
            .filter(|each| *each != Algorithm::Hs256)
            .collect()
    }

    /// Whether the algorithm is in it.
    #[must_use]
    pub fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// This one, too.
    #[must_use]
    pub fn with(self, algorithm: Algorithm) -> Self {
        Self(self.0 | algorithm.bit())
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Algorithm> for Algorithms {
    fn from_iter<T: IntoIterator<Item = Algorithm>>(algorithms: T) -> Self {
        Self(
            algorithms
                .into_iter()
                .fold(0, |bits, each| bits | each.bit()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_algorithm_is_found_by_its_name() {
        for each in Algorithm::ALL {
            assert_eq!(Algorithm::named(each.name()), Some(each));
        }
    }

    #[test]
    fn names_are_case_sensitive_and_none_is_not_one() {
        for name in [
            "none", "None", "NONE", "nOnE", "", "rs256", "RS256 ", "ES512", "HS512",
        ] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set = Algorithms::from_iter([Algorithm::Rs256, Algorithm::EdDsa]);
        for each in Algorithm::ALL {
            let put_in = matches!(each, Algorithm::Rs256 | Algorithm::EdDsa);
            assert_eq!(set.contains(each), put_in);
        }
        assert!(!Algorithms::asymmetric().contains(Algorithm::Hs256));
        assert!(Algorithms::asymmetric().and(set) == set);
        assert!(Algorithms::NONE.is_empty());
    }
}
