//! Form, claims and signature as jwt-simple judges them all together, where both have an opinion.
//!
//! jwt-simple reads the clock unless it is told the time, and takes a token without `exp`, so the
//! crate judges for itself; these tests hold it to the same verdicts. Natively: see `properties.rs`.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

mod support;

use jwt::{Algorithm, Expectations, Token};
use jwt_simple::prelude::{
    Duration, ECDSAP256PublicKeyLike, ES256PublicKey, HS256Key, HashSet, MACLike, NoCustomClaims,
    UnixTimeStamp, VerificationOptions,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{ISSUER, NOW, Signer, encode, good_claims, key_set};

const TOLERANCE: u64 = 60;

fn options(expectations: &Expectations) -> VerificationOptions {
    let audiences: HashSet<String> = expectations.audiences.iter().cloned().collect();
    VerificationOptions {
        artificial_time: Some(UnixTimeStamp::from_secs(NOW)),
        time_tolerance: Some(Duration::from_secs(expectations.tolerance)),
        allowed_issuers: Some(HashSet::from([expectations.issuer.clone()])),
        allowed_audiences: (!audiences.is_empty()).then_some(audiences),
        ..VerificationOptions::default()
    }
}

/// Both verdicts: ours and jwt-simple's.
fn verdicts(expectations: &Expectations, token: &str) -> (bool, bool) {
    let Signer::Secret(secret) = Signer::secret() else {
        panic!()
    };
    let theirs = HS256Key::from_bytes(&secret)
        .verify_token::<NoCustomClaims>(token, Some(options(expectations)))
        .is_ok();
    let keys = key_set(&[Signer::secret().jwk()]);
    let ours = Token::parse(token.as_bytes())
        .ok()
        .and_then(|token| expectations.check(token, NOW).ok())
        .is_some_and(|token| keys.verify(token, &mut |_| None).is_ok());
    (ours, theirs)
}

fn expectations() -> impl Strategy<Value = Expectations> {
    let audiences = proptest::collection::vec("[ab]", 0..3);
    (audiences, prop_oneof![Just(0), Just(TOLERANCE)]).prop_map(|(audiences, tolerance)| {
        Expectations {
            audiences,
            tolerance,
            ..Expectations::of_issuer(ISSUER)
        }
    })
}

/// A date near now, or something that is none.
fn date() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (NOW - 70..NOW + 70).prop_map(|seconds| json!(seconds)),
        1 => Just(json!(NOW as f64 + 0.5)),
        1 => Just(json!("1900000000")),
        1 => Just(json!(null)),
        1 => Just(json!(true)),
        1 => Just(json!([NOW])),
        1 => Just(json!(-1)),
        1 => Just(json!(0)),
    ]
}

fn audience() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[abc]".prop_map(Value::from),
        proptest::collection::vec("[abc]", 0..3).prop_map(Value::from),
        Just(json!(1)),
        Just(json!(["a", 1])),
        Just(json!({})),
    ]
}

fn issuer() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!(ISSUER)),
        1 => Just(json!("https://other.example.com")),
        1 => Just(json!(1)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn claims_are_judged_as_jwt_simple_does(
        expectations in expectations(),
        expires in date(),
        not_before in proptest::option::of(date()),
        issued in proptest::option::of(date()),
        audience in proptest::option::of(audience()),
        issuer in proptest::option::of(issuer()),
    ) {
        // The last second: RFC 7519, section 4.1.4, wants the time before `exp`, jwt-simple takes
        // `exp` itself.
        prop_assume!(expires.as_f64().map(|seconds| seconds as u64)
            != Some(NOW - expectations.tolerance));
        let mut claims = json!({"exp": expires});
        for (name, value) in [
            ("nbf", not_before), ("iat", issued), ("aud", audience), ("iss", issuer),
        ] {
            if let Some(value) = value {
                claims[name] = value;
            }
        }
        let token = Signer::secret().plain_token(Algorithm::Hs256, &claims);
        let (ours, theirs) = verdicts(&expectations, &token);
        prop_assert_eq!(ours, theirs, "{}", claims);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn forms_that_we_take_jwt_simple_takes_too(
        header in "[{}\\[\\]\",:a-zA-Z0-9 ]{0,40}",
        kind in proptest::option::of(proptest::sample::select(vec!["JWT", "at+jwt", "x", "jwt"])),
        tail in "[A-Za-z0-9_=.-]{0,3}",
    ) {
        let mut fields = json!({"alg": "HS256"});
        if let Some(kind) = kind {
            fields["typ"] = json!(kind);
        }
        let signer = Signer::secret();
        let expectations = Expectations::of_issuer(ISSUER);
        for header in [header, fields.to_string()] {
            let token = signer.token(Algorithm::Hs256, &header, &good_claims().to_string());
            for token in [format!("{token}{tail}"), token] {
                let (ours, theirs) = verdicts(&expectations, &token);
                prop_assert!(!ours || theirs, "{}", header);
            }
        }
    }

    #[test]
    fn an_ecdsa_signature_is_judged_as_jwt_simple_does(
        at in 0..64_usize,
        change in any::<u8>(),
        length in prop_oneof![4 => Just(64_usize), 1 => 0..70_usize],
    ) {
        let signer = Signer::p256();
        let Signer::P256(pair) = &signer else { panic!() };
        let header = encode(r#"{"alg":"ES256"}"#);
        let text = format!("{header}.{}", encode(good_claims().to_string()));
        let mut signature = signer.sign(Algorithm::Es256, text.as_bytes());
        signature[at] ^= change;
        signature.resize(length, 0);
        let token = format!("{text}.{}", encode(signature));
        let expectations = Expectations::of_issuer(ISSUER);
        let key: ES256PublicKey = pair.public_key();
        let theirs = key
            .verify_token::<NoCustomClaims>(&token, Some(options(&expectations)))
            .is_ok();
        let keys = key_set(&[signer.jwk()]);
        let ours = support::verdict(&keys, token.as_bytes()) == "ok";
        prop_assert_eq!(ours, theirs);
    }
}
