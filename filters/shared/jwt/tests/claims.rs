//! What is expected of claims, and how a proven token's claims are read.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

mod support;

use jwt::{Algorithm, Claim, ClaimPath, Expectations, Token, Verified};
use serde_json::{Value, json};
use support::{ISSUER, NOW, Signer, good_claims, key_set, verify};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// "ok" or the reason.
fn check(expectations: &Expectations, claims: &Value) -> &'static str {
    let token = Signer::secret().plain_token(Algorithm::Hs256, claims);
    let token = Token::parse(token.as_bytes()).unwrap();
    match expectations.check(token, NOW) {
        Ok(acceptable) => {
            assert_eq!(acceptable.token().issuer(), Some(ISSUER));
            "ok"
        }
        Err(error) => error.reason(),
    }
}

/// Good claims, but for one.
fn with(name: &str, value: Value) -> Value {
    let mut claims = good_claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good_claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn the_issuer_must_be_there_and_the_same_to_the_letter() {
    let expectations = Expectations::of_issuer(ISSUER);
    assert_eq!(check(&expectations, &good_claims()), "ok");
    assert_eq!(check(&expectations, &without("iss")), "iss_missing");
    for issuer in [
        json!(""),
        json!("https://issuer.example.com/"),
        json!("http://issuer.example.com"),
        json!("https://ISSUER.example.com"),
        json!("https://issuer.example.com\u{0}"),
    ] {
        assert_eq!(check(&expectations, &with("iss", issuer)), "iss_mismatch");
    }
    for issuer in [json!([ISSUER]), json!(null), json!(1), json!({})] {
        assert_eq!(check(&expectations, &with("iss", issuer)), "iss_malformed");
    }
}

#[test]
fn one_of_the_audiences_must_be_named_to_the_letter() {
    let expectations = Expectations {
        audiences: vec!["ai-gateway".to_owned(), "https://ai.example.com".to_owned()],
        ..Expectations::of_issuer(ISSUER)
    };
    assert_eq!(check(&expectations, &good_claims()), "aud_missing");
    for (audience, verdict) in [
        (json!("ai-gateway"), "ok"),
        (json!("https://ai.example.com"), "ok"),
        (json!(["account", "ai-gateway"]), "ok"),
        (json!(["ai-gateway", "account"]), "ok"),
        (json!([]), "aud_mismatch"),
        (json!(""), "aud_mismatch"),
        (json!("account"), "aud_mismatch"),
        (json!(["account"]), "aud_mismatch"),
        (json!("ai-gateway "), "aud_mismatch"),
        (json!("AI-gateway"), "aud_mismatch"),
        (json!("https://ai.example.com/"), "aud_mismatch"),
        (json!("http://ai.example.com"), "aud_mismatch"),
        (json!("ai-gateway,account"), "aud_mismatch"),
        (json!(["ai-gateway", 1]), "aud_malformed"),
        (json!([["ai-gateway"]]), "aud_malformed"),
        (json!({"ai-gateway": true}), "aud_malformed"),
        (json!(null), "aud_malformed"),
        (json!(7), "aud_malformed"),
    ] {
        assert_eq!(
            check(&expectations, &with("aud", audience.clone())),
            verdict,
            "{audience}"
        );
    }
}

#[test]
fn without_expected_audiences_any_goes_but_a_malformed_one() {
    let expectations = Expectations::of_issuer(ISSUER);
    for (audience, verdict) in [
        (json!("account"), "ok"),
        (json!([]), "ok"),
        (json!(1), "aud_malformed"),
        (json!(["a", null]), "aud_malformed"),
    ] {
        assert_eq!(check(&expectations, &with("aud", audience)), verdict);
    }
}

#[test]
fn times_are_judged_with_the_tolerance_and_not_a_second_more() {
    let strict = Expectations {
        tolerance: 0,
        ..Expectations::of_issuer(ISSUER)
    };
    let usual = Expectations::of_issuer(ISSUER);
    for (name, time, strict_verdict, usual_verdict) in [
        ("exp", NOW + 1, "ok", "ok"),
        ("exp", NOW, "token_expired", "ok"),
        ("exp", NOW - 59, "token_expired", "ok"),
        ("exp", NOW - 60, "token_expired", "token_expired"),
        ("exp", 0, "token_expired", "token_expired"),
        ("exp", 1 << 53, "ok", "ok"),
        ("exp", (1 << 53) + 1, "exp_malformed", "exp_malformed"),
        ("nbf", NOW, "ok", "ok"),
        ("nbf", NOW + 1, "token_not_yet_valid", "ok"),
        ("nbf", NOW + 60, "token_not_yet_valid", "ok"),
        (
            "nbf",
            NOW + 61,
            "token_not_yet_valid",
            "token_not_yet_valid",
        ),
        ("nbf", 0, "ok", "ok"),
        ("iat", NOW, "ok", "ok"),
        ("iat", NOW + 1, "iat_in_future", "ok"),
        ("iat", NOW + 61, "iat_in_future", "iat_in_future"),
        ("iat", 0, "ok", "ok"),
    ] {
        let claims = with(name, json!(time));
        assert_eq!(check(&strict, &claims), strict_verdict, "{name} {time}");
        assert_eq!(check(&usual, &claims), usual_verdict, "{name} {time}");
    }
    assert_eq!(check(&usual, &without("exp")), "exp_missing");
    assert_eq!(check(&usual, &without("iat")), "ok");
}

#[test]
fn a_tolerance_without_end_does_not_overflow() {
    let expectations = Expectations {
        tolerance: u64::MAX,
        max_lifetime: Some(u64::MAX),
        ..Expectations::of_issuer(ISSUER)
    };
    assert_eq!(check(&expectations, &with("exp", json!(0))), "ok");
    assert_eq!(check(&expectations, &with("nbf", json!(1_u64 << 53))), "ok");
}

#[test]
fn a_time_that_is_no_number_is_refused() {
    let expectations = Expectations::of_issuer(ISSUER);
    for (name, reason) in [
        ("exp", "exp_malformed"),
        ("nbf", "nbf_malformed"),
        ("iat", "iat_malformed"),
    ] {
        for value in [
            json!("1900000000"),
            json!(true),
            json!(null),
            json!([1]),
            json!(-1),
            json!(-0.5),
        ] {
            assert_eq!(check(&expectations, &with(name, value)), reason);
        }
    }
}

#[test]
fn a_fraction_of_a_second_is_cut_off() {
    let strict = Expectations {
        tolerance: 0,
        ..Expectations::of_issuer(ISSUER)
    };
    let now = NOW as f64;
    assert_eq!(
        check(&strict, &with("exp", json!(now + 0.9))),
        "token_expired"
    );
    assert_eq!(check(&strict, &with("exp", json!(now + 1.1))), "ok");
    assert_eq!(check(&strict, &with("iat", json!(now + 0.9))), "ok");
    assert_eq!(
        check(&strict, &with("iat", json!(now + 1.1))),
        "iat_in_future"
    );
}

#[test]
fn a_lifetime_may_be_bounded_from_its_beginning() {
    let expectations = Expectations {
        max_lifetime: Some(310),
        ..Expectations::of_issuer(ISSUER)
    };
    assert_eq!(check(&expectations, &good_claims()), "ok");
    assert_eq!(
        check(&expectations, &with("exp", json!(NOW + 301))),
        "lifetime_too_long"
    );
    assert_eq!(
        check(&expectations, &with("iat", json!(NOW - 11))),
        "lifetime_too_long"
    );
    assert_eq!(check(&expectations, &without("iat")), "iat_missing");
}

#[test]
fn subject_and_token_id_must_be_strings_if_they_are_there() {
    let expectations = Expectations::of_issuer(ISSUER);
    assert_eq!(check(&expectations, &without("sub")), "ok");
    assert_eq!(check(&expectations, &with("jti", json!("a"))), "ok");
    for value in [json!(1), json!(null), json!(["a"])] {
        assert_eq!(
            check(&expectations, &with("sub", value.clone())),
            "sub_malformed"
        );
        assert_eq!(check(&expectations, &with("jti", value)), "jti_malformed");
    }
}

fn verified(claims: &Value) -> Verified {
    let signer = Signer::secret();
    let token = signer.plain_token(Algorithm::Hs256, claims);
    verify(&key_set(&[signer.jwk()]), &token).unwrap()
}

#[test]
fn claims_are_read_by_their_path_as_keycloak_and_openshift_write_them() {
    let mut claims = good_claims();
    claims["preferred_username"] = json!("jane");
    claims["resource_access"] = json!({"ai": {"roles": ["gpt", "claude"]}, "other": {"roles": []}});
    claims["kubernetes.io"] = json!({"namespace": "team-a", "serviceaccount": {"name": "bot"}});
    claims["https://example.com/tenant"] = json!("acme");
    claims["level"] = json!(7);
    claims["mixed"] = json!(["a", 1]);
    claims["many"] = json!(vec!["x"; 257]);
    claims["full"] = json!(vec!["x"; 256]);
    claims["nothing"] = json!(null);
    let verified = verified(&claims);
    let at = |path: &str| verified.claim(&ClaimPath::parse(path).unwrap());

    assert_eq!(at("preferred_username"), Claim::Text("jane"));
    assert_eq!(
        at("resource_access.ai.roles"),
        Claim::Texts(vec!["gpt", "claude"])
    );
    assert_eq!(at("resource_access.other.roles"), Claim::Texts(vec![]));
    assert_eq!(at("/kubernetes.io/namespace"), Claim::Text("team-a"));
    assert_eq!(at("/kubernetes.io/serviceaccount/name"), Claim::Text("bot"));
    assert_eq!(at("/https:~1~1example.com~1tenant"), Claim::Text("acme"));
    assert_eq!(at("full"), Claim::Texts(vec!["x"; 256]));
    for path in [
        "level",
        "mixed",
        "many",
        "nothing",
        "resource_access",
        "exp",
    ] {
        assert_eq!(at(path), Claim::Other, "{path}");
    }
    for path in [
        "absent",
        "kubernetes.io.namespace",
        "resource_access.ai.roles.gpt",
        "preferred_username.x",
        "resource_access.AI.roles",
        "resource_access.ai.roles.0",
    ] {
        assert_eq!(at(path), Claim::Absent, "{path}");
    }
    assert_eq!(verified.subject(), Some("someone"));
    assert_eq!(verified.issuer(), ISSUER);
    assert_eq!(verified.expires_at(), NOW + 300);
}

#[test]
fn a_token_without_a_subject_is_about_nobody() {
    assert_eq!(verified(&without("sub")).subject(), None);
}

/// Without this a token could be tied to a claim that its issuer never wrote.
#[test]
fn a_name_that_is_spelt_with_escapes_is_the_same_name() {
    let signer = Signer::secret();
    let payload = format!(
        r#"{{"iss":"{ISSUER}","exp":{},"t\u0065nant":"acm\u0065"}}"#,
        NOW + 1
    );
    let token = signer.token(Algorithm::Hs256, r#"{"alg":"HS256"}"#, &payload);
    let verified = verify(&key_set(&[signer.jwk()]), &token).unwrap();
    assert_eq!(
        verified.claim(&ClaimPath::parse("tenant").unwrap()),
        Claim::Text("acme")
    );
}
