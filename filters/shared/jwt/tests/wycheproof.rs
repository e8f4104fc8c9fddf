//! Project Wycheproof's vectors for JSON Web Signatures and JSON Web Keys.
//!
//! They are about signatures, over payloads that are no claims, and so are these tests. Each vector
//! that this crate judges otherwise stands in a list here with its reason.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

mod support;

use jwt::{Jws, KeySet};
use serde_json::{Value, json};
use support::every_algorithm;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Valid for Wycheproof, refused here.
const STRICTER: [(u64, &str); 6] = [
    (346, "the key says PS256 and the token PS384"),
    (347, "ES512 isn't supported"),
    (350, "the key says PS256 and the token PS384"),
    (351, "ES512 isn't supported"),
    (372, "a character outside of the alphabet, in the header"),
    (373, "a character outside of the alphabet, in the payload"),
];

/// Invalid for Wycheproof, for a padding that isn't there: the text is that of vector 357, which
/// is valid.
const LIKE_357: [u64; 2] = [367, 370];

/// "ok" or the reason.
fn verdict(keys: &Value, jws: &str) -> &'static str {
    let keys = match KeySet::parse(keys.to_string().as_bytes(), every_algorithm()) {
        Ok(keys) => keys,
        Err(error) => return error.reason(),
    };
    let jws = match Jws::parse(jws.as_bytes()) {
        Ok(jws) => jws,
        Err(malformed) => return malformed.reason(),
    };
    match keys.verify_jws(&jws, &mut |_| None) {
        Ok(_) => "ok",
        Err(error) => error.reason(),
    }
}

/// A group's public key; a secret has but one half.
fn public(group: &Value) -> Value {
    group.get("public").unwrap_or(&group["private"]).clone()
}

#[test]
fn every_signature_vector_is_judged_as_wycheproof_does_but_for_those_listed() {
    let vectors: Value =
        serde_json::from_str(include_str!("wycheproof/json_web_signature_test.json")).unwrap();
    let mut judged = 0;
    let mut valid_357 = "";
    for group in vectors["testGroups"].as_array().unwrap() {
        let keys = json!({"keys": [public(group)]});
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            let jws = test["jws"].as_str().unwrap();
            let verdict = verdict(&keys, jws);
            if id == 357 {
                valid_357 = jws;
            }
            let expected = if LIKE_357.contains(&id) {
                jws == valid_357
            } else {
                test["result"] == "valid" && STRICTER.iter().all(|(each, _)| *each != id)
            };
            assert_eq!(
                verdict == "ok",
                expected,
                "{id} {}: {verdict}",
                test["comment"]
            );
            judged += 1;
        }
    }
    assert_eq!(judged, 401);
}

/// Wycheproof's verdict, or the one that is otherwise here.
const KEY_VECTORS: [(u64, &str); 26] = [
    (1, "secret_among_public_keys"),
    (2, "ok"),
    (3, "signature_invalid"),
    // "Ambiguous", says Wycheproof, which refuses a set with a `kid` twice. RFC 7517, section 4.5,
    // has it as a SHOULD; here each key of that name is tried.
    (4, "ok"),
    (5, "ok"),
    (6, "key_set_without_usable_key"),
    (7, "key_set_without_usable_key"),
    (8, "key_set_without_usable_key"),
    (9, "key_set_without_usable_key"),
    (10, "key_set_without_usable_key"),
    // HS384 and HS512 aren't supported.
    (11, "key_set_without_usable_key"),
    (12, "key_set_without_usable_key"),
    (13, "ok"),
    (14, "key_set_without_usable_key"),
    (15, "key_set_without_usable_key"),
    (16, "key_set_without_usable_key"),
    (17, "key_set_without_usable_key"),
    (18, "key_set_without_usable_key"),
    (19, "key_set_without_usable_key"),
    (20, "key_set_without_usable_key"),
    (21, "key_set_without_usable_key"),
    (22, "key_set_without_usable_key"),
    (23, "key_set_without_usable_key"),
    (24, "key_set_without_usable_key"),
    (25, "key_set_without_usable_key"),
    (26, "key_set_without_usable_key"),
];

#[test]
fn every_key_vector_is_judged_as_listed() {
    let vectors: Value =
        serde_json::from_str(include_str!("wycheproof/json_web_key_test.json")).unwrap();
    let mut expected = KEY_VECTORS.iter();
    for group in vectors["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let verdict = verdict(&public(group), test["jws"].as_str().unwrap());
            let id = test["tcId"].as_u64().unwrap();
            assert_eq!(
                (id, verdict),
                *expected.next().unwrap(),
                "{}",
                test["comment"]
            );
        }
    }
    assert_eq!(expected.next(), None);
}

/// The reason that the only key of that group's set is skipped for.
#[test]
fn weak_keys_are_skipped_for_their_weakness() {
    let vectors: Value =
        serde_json::from_str(include_str!("wycheproof/json_web_key_test.json")).unwrap();
    for (comment, reason) in [
        ("jws_rsa_roca_key", "rsa_weak_generator"),
        ("keysize_too_small", "rsa_below_2048_bits"),
        ("exponentOne", "rsa_exponent_not_65537"),
        ("invalid_use", "use_not_sig"),
        ("invalid_point", "key_malformed"),
        ("wrong_curve", "alg_not_allowed"),
        ("wrong_kty", "alg_not_allowed"),
        ("invalid_aes_gcm_key", "alg_not_allowed"),
    ] {
        let groups = vectors["testGroups"].as_array().unwrap();
        let group = groups
            .iter()
            .find(|group| group["comment"] == comment)
            .unwrap();
        let json = public(group).to_string();
        let error = KeySet::parse(json.as_bytes(), every_algorithm()).unwrap_err();
        let jwt::KeySetError::NoUsableKey(Some(skipped)) = error else {
            panic!("{comment}: {error:?}");
        };
        assert_eq!(skipped.reason.reason(), reason, "{comment}");
    }
}
