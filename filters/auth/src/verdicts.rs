//! Tokens that were verified already, so that each costs one signature check.
//!
//! A token is known by a hash under a key that only this VM has (SipHash-2-4 of 128 bits, a
//! pseudo-random function): who doesn't know the key can't look for two tokens of one hash, and
//! meets one by chance with a probability of 2^-128 for each token kept. The tokens themselves
//! aren't kept.

use std::hash::Hasher;
use std::rc::Rc;

use facts::Identity;
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::clock_cache::ClockCache;
use crate::verdict::Fault;

/// The hash of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest(u128);

/// What is known of a token.
#[derive(Clone)]
pub(crate) struct Kept {
    /// Which issuer's it is, and of which of its key sets.
    pub(crate) keys: KeysSeen,
    /// Until when it holds, in seconds since 1970-01-01 UTC.
    pub(crate) until: u64,
    pub(crate) verdict: Result<Rc<Identity>, Fault>,
    /// Newer keys could change it: they are asked for whenever the token comes.
    pub(crate) wants_newer_keys: bool,
}

/// A state of an issuer's keys: a verdict is dropped with the keys that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeysSeen {
    /// The issuer's place in the configuration.
    pub(crate) issuer: usize,
    /// Changes with each change of its keys.
    pub(crate) version: u64,
}

/// The verdicts. Those on tokens that somebody signed and those on forged ones have a bound each,
/// so that a flood of forged ones drives out no good one.
pub(crate) struct Verdicts {
    key: (u64, u64),
    signed: ClockCache<TokenDigest, Kept>,
    forged: ClockCache<TokenDigest, Kept>,
}

/// How many verdicts on forged tokens are kept, as a part of those on signed ones.
const FORGED_PART: usize = 4;

impl Verdicts {
    /// For so many signed tokens, under a key that nobody else knows.
    pub(crate) fn new(most: usize, key: (u64, u64)) -> Self {
        Self {
            key,
            signed: ClockCache::new(most),
            forged: ClockCache::new(most / FORGED_PART),
        }
    }

    pub(crate) fn digest(&self, token: &[u8]) -> TokenDigest {
        let mut hasher = SipHasher24::new_with_keys(self.key.0, self.key.1);
        hasher.write(token);
        TokenDigest(hasher.finish128().as_u128())
    }

    /// What is known of a token, if it still holds. `now` in seconds since 1970-01-01 UTC;
    /// `current` gives the state of an issuer's keys.
    pub(crate) fn get(
        &mut self,
        digest: &TokenDigest,
        now: u64,
        current: impl Fn(usize) -> Option<KeysSeen>,
    ) -> Option<&Kept> {
        let holds =
            |kept: &&mut Kept| now < kept.until && current(kept.keys.issuer) == Some(kept.keys);
        let signed = self.signed.get(digest).filter(holds);
        let kept = signed.or_else(|| self.forged.get(digest).filter(holds));
        kept.map(|kept| &*kept)
    }

    /// Keeps what a token's own issuer signed, good or not.
    pub(crate) fn keep_signed(&mut self, digest: TokenDigest, kept: Kept) {
        self.signed.insert(digest, kept);
    }

    /// Keeps that a token's signature is nobody's.
    pub(crate) fn keep_forged(&mut self, digest: TokenDigest, kept: Kept) {
        self.forged.insert(digest, kept);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Kept, KeysSeen, Verdicts};
    use crate::verdict::{Class, Fault, Kind};

    const KEYS: KeysSeen = KeysSeen {
        issuer: 0,
        version: 1,
    };

    fn kept(until: u64) -> Kept {
        Kept {
            keys: KEYS,
            until,
            verdict: Err(Fault::new(Kind::Jwt, Class::Forbidden, "r")),
            wants_newer_keys: false,
        }
    }

    #[test]
    fn a_verdict_holds_until_its_time_and_for_its_keys_only() {
        let mut verdicts = Verdicts::new(8, (1, 2));
        let digest = verdicts.digest(b"token");
        verdicts.keep_signed(digest, kept(10));
        assert!(verdicts.get(&digest, 9, |_| Some(KEYS)).is_some());
        assert!(verdicts.get(&digest, 10, |_| Some(KEYS)).is_none());
        let newer = KeysSeen { version: 2, ..KEYS };
        assert!(verdicts.get(&digest, 9, |_| Some(newer)).is_none());
        assert!(verdicts.get(&digest, 9, |_| None).is_none());
        let other = verdicts.digest(b"token.");
        assert!(verdicts.get(&other, 9, |_| Some(KEYS)).is_none());
    }

    #[test]
    fn a_flood_of_forged_tokens_drives_out_no_signed_one() {
        let mut verdicts = Verdicts::new(8, (1, 2));
        let signed = verdicts.digest(b"signed");
        verdicts.keep_signed(signed, kept(10));
        for number in 0..1000_u32 {
            let forged = verdicts.digest(&number.to_le_bytes());
            verdicts.keep_forged(forged, kept(10));
        }
        assert!(verdicts.get(&signed, 9, |_| Some(KEYS)).is_some());
    }

    #[test]
    fn the_hash_is_under_the_key() {
        let (one, other) = (Verdicts::new(1, (1, 2)), Verdicts::new(1, (1, 3)));
        assert!(one.digest(b"token") != other.digest(b"token"));
        assert!(one.digest(b"token") == Verdicts::new(1, (1, 2)).digest(b"token"));
    }
}
