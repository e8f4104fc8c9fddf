//! What holds for every token. On one thread of a browser's engine these would take minutes, so
//! they run natively; each bug that they find becomes a case of the other suites.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

mod support;

use jwt::{Algorithm, ClaimPath, Jws, KeySet, Token};
use proptest::prelude::*;
use serde_json::json;
use std::sync::LazyLock;
use support::{NOW, Signer, encode, every_algorithm, good_claims, key_set, verdict};

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    proptest::sample::select(Algorithm::ALL.to_vec())
}

/// Cheap to sign and to verify with in a debug build.
fn quick_algorithm() -> impl Strategy<Value = Algorithm> {
    proptest::sample::select(vec![Algorithm::Hs256, Algorithm::EdDsa, Algorithm::Es256])
}

/// JSON of some sort, often almost a header or claims.
fn jsonish() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"alg\"",
        "\"ES256\"",
        "\"none\"",
        "\"iss\"",
        "\"exp\"",
        "\"aud\"",
        "\"kid\"",
        "\"crit\"",
        "1",
        "1e400",
        "-1",
        "null",
        "true",
        "\"\\u0000\"",
        "\"",
        "\\",
        " ",
        "\u{ff}",
        "1800000300",
        "\"https://issuer.example.com\"",
    ]);
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// One good token for each algorithm, and its keys.
static GOOD: LazyLock<Vec<(Algorithm, String, String)>> = LazyLock::new(|| {
    Algorithm::ALL
        .into_iter()
        .map(|algorithm| {
            let signer = Signer::of(algorithm);
            let token = signer.plain_token(algorithm, &good_claims());
            let keys = json!({"keys": [signer.jwk()]}).to_string();
            (algorithm, token, keys)
        })
        .collect()
});

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = Token::parse(&bytes);
        let _ = KeySet::parse(&bytes, every_algorithm());
        let _ = ClaimPath::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_parts_make_it_panic(
        header in jsonish(),
        claims in jsonish(),
        signature in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let token = format!("{}.{}.{}", encode(&header), encode(&claims), encode(signature));
        let verdict = verdict(&key_set(&[Signer::p256().jwk()]), token.as_bytes());
        prop_assert_ne!(verdict, "ok");
        let _ = KeySet::parse(header.as_bytes(), every_algorithm());
        let _ = KeySet::parse(format!("{{\"keys\":[{header}]}}").as_bytes(), every_algorithm());
    }

    #[test]
    fn what_was_signed_is_verified_whatever_the_payload(
        algorithm in quick_algorithm(),
        payload in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let signer = Signer::of(algorithm);
        let text = format!(
            "{}.{}", encode(json!({"alg": algorithm.name()}).to_string()), encode(&payload)
        );
        let token = format!("{text}.{}", encode(signer.sign(algorithm, text.as_bytes())));
        let jws = Jws::parse(token.as_bytes()).unwrap();
        prop_assert_eq!(jws.payload(), payload.as_slice());
        let keys = key_set(&[signer.jwk()]);
        prop_assert_eq!(keys.verify_jws(&jws, &mut |_| None), Ok(1));
    }

    /// Any change at all, so that no second token has the same signature.
    #[test]
    fn a_changed_byte_fails(
        which in 0..Algorithm::ALL.len(),
        at in any::<proptest::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let (_, token, keys) = &GOOD[which];
        let keys = KeySet::parse(keys.as_bytes(), every_algorithm()).unwrap();
        prop_assert_eq!(verdict(&keys, token.as_bytes()), "ok");
        let mut changed = token.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= change;
        prop_assert_ne!(verdict(&keys, &changed), "ok");
    }

    #[test]
    fn a_byte_more_or_less_fails(
        which in 0..Algorithm::ALL.len(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (_, token, keys) = &GOOD[which];
        let keys = KeySet::parse(keys.as_bytes(), every_algorithm()).unwrap();
        let at = at.index(token.len());
        let mut longer = token.clone().into_bytes();
        longer.insert(at, byte);
        prop_assert_ne!(verdict(&keys, &longer), "ok");
        let mut shorter = token.clone().into_bytes();
        shorter.remove(at);
        prop_assert_ne!(verdict(&keys, &shorter), "ok");
    }

    #[test]
    fn another_key_never_verifies(algorithm in any_algorithm(), seed in 0x12..0x7f_u8) {
        let (_, token, _) = GOOD.iter().find(|(each, ..)| *each == algorithm).unwrap();
        let other = match algorithm {
            Algorithm::Hs256 => Signer::Secret(vec![seed; 32]),
            _ => Signer::P256(jwt_simple::algorithms::ES256KeyPair::from_bytes(&[seed; 32]).unwrap()),
        };
        prop_assert_ne!(verdict(&key_set(&[other.jwk()]), token.as_bytes()), "ok");
    }

    #[test]
    fn a_token_is_taken_exactly_while_it_is_valid(
        expires in NOW - 200..NOW + 200,
        not_before in NOW - 200..NOW + 200,
        issued in NOW - 200..NOW + 200,
    ) {
        let claims = json!({
            "iss": support::ISSUER, "exp": expires, "nbf": not_before, "iat": issued,
        });
        let signer = Signer::secret();
        let token = signer.plain_token(Algorithm::Hs256, &claims);
        let valid = NOW < expires + 60 && NOW + 60 >= not_before && NOW + 60 >= issued;
        let verdict = verdict(&key_set(&[signer.jwk()]), token.as_bytes());
        prop_assert_eq!(verdict == "ok", valid);
    }
}
