//! What the proxy's own cryptography is asked, and that its word counts.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

mod support;

use http_filter::{SignatureCheck, SignatureHash};
use jwt::{Algorithm, BadSignature};
use jwt_simple::algorithms::{ES256PublicKey, ES384PublicKey, RS256PublicKey};
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::DecodePublicKey as _;
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::{Padding, Rsa};
use support::{Signer, acceptable, good_claims, key_set};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const OFFERED: [Algorithm; 5] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Es256,
    Algorithm::Es384,
];

/// Reads key and signature from the bytes alone, as BoringSSL does.
fn verify_as_a_proxy(check: &SignatureCheck<'_>) -> bool {
    if RS256PublicKey::from_der(check.key).is_ok() {
        let key = Rsa::public_key_from_der(check.key).unwrap();
        let key = PKey::from_rsa(key).unwrap();
        let digest = match check.hash {
            SignatureHash::Sha256 => MessageDigest::sha256(),
            SignatureHash::Sha384 => MessageDigest::sha384(),
            SignatureHash::Sha512 => MessageDigest::sha512(),
        };
        let mut verifier = superboring::sign::Verifier::new(digest, &key).unwrap();
        verifier.set_rsa_padding(Padding::PKCS1).unwrap();
        verifier.update(check.text).unwrap();
        verifier.verify(check.signature).unwrap()
    } else if ES256PublicKey::from_der(check.key).is_ok() {
        assert_eq!(check.hash, SignatureHash::Sha256);
        let key = p256::ecdsa::VerifyingKey::from_public_key_der(check.key).unwrap();
        let signature = p256::ecdsa::Signature::from_der(check.signature).unwrap();
        key.verify(check.text, &signature).is_ok()
    } else {
        assert!(ES384PublicKey::from_der(check.key).is_ok());
        assert_eq!(check.hash, SignatureHash::Sha384);
        let key = p384::ecdsa::VerifyingKey::from_public_key_der(check.key).unwrap();
        let signature = p384::ecdsa::Signature::from_der(check.signature).unwrap();
        key.verify(check.text, &signature).is_ok()
    }
}

#[test]
fn the_proxy_can_verify_from_what_it_is_given() {
    for algorithm in OFFERED {
        let signer = Signer::of(algorithm);
        let keys = key_set(&[signer.jwk()]);
        let token = signer.plain_token(algorithm, &good_claims());
        let mut asked = 0;
        let verdict = keys.verify(acceptable(&token), &mut |check: &SignatureCheck<'_>| {
            asked += 1;
            assert_eq!(check.text, token.rsplit_once('.').unwrap().0.as_bytes());
            Some(verify_as_a_proxy(check))
        });
        assert!(verdict.is_ok(), "{algorithm:?}");
        assert_eq!(asked, 1);
    }
}

#[test]
fn the_proxys_word_counts_and_its_silence_leaves_it_to_us() {
    for algorithm in OFFERED {
        let signer = Signer::of(algorithm);
        let keys = key_set(&[signer.jwk()]);
        let token = signer.plain_token(algorithm, &good_claims());
        let said = |word: Option<bool>| keys.verify(acceptable(&token), &mut |_| word).err();
        assert_eq!(said(Some(true)), None);
        assert_eq!(said(Some(false)), Some(BadSignature::Forged));
        assert_eq!(said(None), None);
    }
}

#[test]
fn the_proxy_is_not_asked_for_what_it_does_not_offer() {
    for algorithm in Algorithm::ALL {
        if OFFERED.contains(&algorithm) {
            continue;
        }
        let signer = Signer::of(algorithm);
        let keys = key_set(&[signer.jwk()]);
        let token = signer.plain_token(algorithm, &good_claims());
        let verdict = keys.verify(acceptable(&token), &mut |_| panic!("asked"));
        assert!(verdict.is_ok(), "{algorithm:?}");
    }
}

#[test]
fn the_proxy_is_not_asked_about_a_signature_of_the_wrong_form() {
    for algorithm in OFFERED {
        let signer = Signer::of(algorithm);
        let keys = key_set(&[signer.jwk()]);
        let token = signer.plain_token(algorithm, &good_claims());
        let text = token.rsplit_once('.').unwrap().0;
        let size = signer.sign(algorithm, b"").len();
        for signature in [vec![0; size - 1], vec![0; size + 1]] {
            let token = format!("{text}.{}", support::encode(signature));
            let verdict = keys.verify(acceptable(&token), &mut |_| panic!("asked"));
            assert_eq!(verdict.err(), Some(BadSignature::Forged));
        }
    }
}
