//! The known attacks on tokens, by name, and RFC 8725's advice.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

mod support;

use jwt::{Algorithm, Algorithms, BadSignature, KeySet, MAX_TOKEN_BYTES};
use jwt_simple::algorithms::ECDSAP256PublicKeyLike as _;
use serde_json::{Value, json};
use support::{Signer, acceptable, encode, good_claims, key_set, verdict, verify};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What is said of a token under the attacker's header, signed with the right key.
fn signed_with_header(header: &str) -> &'static str {
    let signer = Signer::p256();
    let token = signer.token(Algorithm::Es256, header, &good_claims().to_string());
    verdict(
        &key_set(&[signer.jwk_with(&json!({"kid": "a"}))]),
        token.as_bytes(),
    )
}

fn signed_claims(claims: &str) -> &'static str {
    let signer = Signer::p256();
    let token = signer.token(Algorithm::Es256, r#"{"alg":"ES256"}"#, claims);
    verdict(&key_set(&[signer.jwk()]), token.as_bytes())
}

fn good_token() -> (KeySet, String) {
    let signer = Signer::p256();
    let token = signer.plain_token(Algorithm::Es256, &good_claims());
    (key_set(&[signer.jwk()]), token)
}

#[test]
fn a_good_token_is_taken_whatever_its_algorithm() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::of(algorithm);
        let token = signer.plain_token(algorithm, &good_claims());
        let keys = key_set(&[signer.jwk()]);
        assert_eq!(verdict(&keys, token.as_bytes()), "ok", "{algorithm:?}");
        let named = key_set(&[signer.jwk_with(&json!({"alg": algorithm.name()}))]);
        assert_eq!(verdict(&named, token.as_bytes()), "ok", "{algorithm:?}");
    }
}

#[test]
fn alg_none_is_refused_in_every_casing_with_and_without_a_signature() {
    let (keys, good) = good_token();
    let signature = good.rsplit('.').next().unwrap();
    for casing in 0..16_u8 {
        let none: String = "none"
            .chars()
            .enumerate()
            .map(|(at, letter)| match casing >> at & 1 {
                1 => letter.to_ascii_uppercase(),
                _ => letter,
            })
            .collect();
        let header = encode(json!({"alg": none}).to_string());
        let claims = encode(good_claims().to_string());
        for signature in ["", "AA", signature] {
            let token = format!("{header}.{claims}.{signature}");
            assert_eq!(verdict(&keys, token.as_bytes()), "alg_none", "{none}");
        }
    }
}

#[test]
fn an_algorithm_that_is_unknown_missing_or_no_string_is_refused() {
    for (header, reason) in [
        (r#"{"alg":"es256"}"#, "alg_unknown"),
        (r#"{"alg":"ES256 "}"#, "alg_unknown"),
        (r#"{"alg":"\u0000none"}"#, "alg_unknown"),
        (r#"{"alg":""}"#, "alg_unknown"),
        (r#"{"alg":"RSA-OAEP"}"#, "alg_unknown"),
        (r#"{"alg":null}"#, "alg_missing"),
        (r#"{"alg":["ES256"]}"#, "alg_missing"),
        (r#"{"ALG":"ES256"}"#, "alg_missing"),
        (r"{}", "alg_missing"),
    ] {
        assert_eq!(signed_with_header(header), reason, "{header}");
    }
}

#[test]
fn hs_rs_confusion_a_public_key_is_no_secret() {
    let rsa = Signer::rsa();
    let Signer::Rsa(pair) = &rsa else { panic!() };
    let public = pair.public_key();
    for kid in [json!({}), json!({"kid": "a"}), json!({"alg": "RS256"})] {
        let jwk = rsa.jwk_with(&kid);
        let keys = key_set(std::slice::from_ref(&jwk));
        for secret in [
            public.to_pem().unwrap().into_bytes(),
            public.to_pem().unwrap().trim_end().as_bytes().to_vec(),
            public.to_der().unwrap(),
            public.to_components().n,
            jwk.to_string().into_bytes(),
            jwk["n"].as_str().unwrap().as_bytes().to_vec(),
        ] {
            let forged = Signer::Secret(secret);
            let header = json!({"alg": "HS256", "kid": "a"}).to_string();
            let claims = good_claims().to_string();
            let named = forged.token(Algorithm::Hs256, &header, &claims);
            // A set that doesn't have the name may be older than the key.
            let expected = match kid.get("kid") {
                Some(_) => BadSignature::AlgorithmMismatch,
                None => BadSignature::UnknownKey,
            };
            assert_eq!(verify(&keys, &named).err(), Some(expected));
            let unnamed = forged.plain_token(Algorithm::Hs256, &good_claims());
            assert_eq!(
                verify(&keys, &unnamed).err(),
                Some(BadSignature::UnknownKey)
            );
        }
    }
}

#[test]
fn the_algorithm_is_the_keys_and_never_the_tokens() {
    let rsa = Signer::rsa();
    let keys = key_set(&[rsa.jwk_with(&json!({"kid": "a", "alg": "RS256"}))]);
    for algorithm in [Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256] {
        let header = json!({"alg": algorithm.name(), "kid": "a"}).to_string();
        let token = rsa.token(algorithm, &header, &good_claims().to_string());
        assert_eq!(
            verify(&keys, &token).err(),
            Some(BadSignature::AlgorithmMismatch)
        );
    }
    // Nor does a key without an `alg` of its own go beyond what the configuration allows.
    let json = json!({"keys": [rsa.jwk()]}).to_string();
    let keys = KeySet::parse(json.as_bytes(), Algorithms::from_iter([Algorithm::Ps256])).unwrap();
    let token = rsa.plain_token(Algorithm::Rs256, &good_claims());
    assert_eq!(verify(&keys, &token).err(), Some(BadSignature::UnknownKey));
    let token = rsa.plain_token(Algorithm::Ps256, &good_claims());
    assert!(verify(&keys, &token).is_ok());
}

#[test]
fn a_pkcs_1_signature_is_no_pss_signature_and_the_other_way_round() {
    let rsa = Signer::rsa();
    let keys = key_set(&[rsa.jwk()]);
    for (said, done) in [
        (Algorithm::Ps256, Algorithm::Rs256),
        (Algorithm::Rs256, Algorithm::Ps256),
    ] {
        let header = json!({"alg": said.name()}).to_string();
        let token = rsa.token(done, &header, &good_claims().to_string());
        assert_eq!(verify(&keys, &token).err(), Some(BadSignature::Forged));
    }
}

#[test]
fn hs256_counts_only_where_the_configuration_says_so() {
    let secret = Signer::secret();
    let json = json!({"keys": [secret.jwk()]}).to_string();
    let error = KeySet::parse(json.as_bytes(), Algorithms::asymmetric()).unwrap_err();
    assert_eq!(error.reason(), "key_set_without_usable_key");
}

#[test]
fn a_secret_among_public_keys_spoils_the_set_unless_it_is_not_used_at_all() {
    let jwks = json!({"keys": [Signer::secret().jwk(), Signer::p256().jwk()]}).to_string();
    let error = KeySet::parse(jwks.as_bytes(), support::every_algorithm()).unwrap_err();
    assert_eq!(error.reason(), "secret_among_public_keys");
    let keys = KeySet::parse(jwks.as_bytes(), Algorithms::asymmetric()).unwrap();
    assert_eq!((keys.len(), keys.skipped().len()), (1, 1));
    let token = Signer::secret().plain_token(Algorithm::Hs256, &good_claims());
    assert_eq!(verify(&keys, &token).err(), Some(BadSignature::UnknownKey));
}

#[test]
fn embedded_jwk_jku_x5u_and_x5c_are_never_used() {
    let attacker =
        Signer::P256(jwt_simple::algorithms::ES256KeyPair::from_bytes(&[0x22; 32]).unwrap());
    let (keys, _) = good_token();
    for member in [
        json!({"jwk": attacker.jwk()}),
        json!({"jku": "https://attacker.example.com/keys.json"}),
        json!({"x5u": "https://attacker.example.com/chain.pem"}),
        json!({"x5c": [encode("certificate")]}),
        json!({"x5t": "AAAA", "x5t#S256": "AAAA"}),
    ] {
        let mut header = member;
        header["alg"] = json!("ES256");
        let token = attacker.token(
            Algorithm::Es256,
            &header.to_string(),
            &good_claims().to_string(),
        );
        assert_eq!(verify(&keys, &token).err(), Some(BadSignature::Forged));
        // The right key's token may carry them all the same: some issuers write them.
        assert_eq!(signed_with_header(&header.to_string()), "ok");
    }
}

#[test]
fn kid_injection_finds_no_key_and_reads_no_file() {
    let signer = Signer::p256();
    let keys = key_set(&[signer.jwk_with(&json!({"kid": "a"}))]);
    for kid in [
        "../../../../dev/null",
        "/etc/passwd",
        "a' OR '1'='1",
        "a' UNION SELECT 'secret",
        "a\u{0}",
        "A",
        "a ",
        "https://attacker.example.com/key",
        "$(id)",
    ] {
        let header = json!({"alg": "ES256", "kid": kid}).to_string();
        let token = signer.token(Algorithm::Es256, &header, &good_claims().to_string());
        assert_eq!(
            verify(&keys, &token).err(),
            Some(BadSignature::UnknownKey),
            "{kid}"
        );
    }
    for (kid, reason) in [
        (json!("k".repeat(513)), "kid_malformed"),
        (json!(7), "kid_malformed"),
        (json!(null), "kid_malformed"),
        (json!(["a"]), "kid_malformed"),
        (json!("k".repeat(100_000)), "token_too_long"),
        // No name at all, as Envoy has it.
        (json!(""), "ok"),
    ] {
        assert_eq!(
            signed_with_header(&json!({"alg": "ES256", "kid": kid}).to_string()),
            reason
        );
    }
}

#[test]
fn a_critical_extension_is_refused_even_an_empty_list_of_them() {
    for crit in [
        json!(["exp"]),
        json!(["b64"]),
        json!([]),
        json!("x"),
        json!(null),
    ] {
        let header = json!({"alg": "ES256", "crit": crit, "b64": false, "exp": 0}).to_string();
        assert_eq!(signed_with_header(&header), "crit_refused");
    }
}

#[test]
fn another_kind_of_token_is_refused_by_its_type() {
    for (kind, reason) in [
        (json!("JWT"), "ok"),
        (json!("jwt"), "ok"),
        (json!("application/JWT"), "ok"),
        (json!("at+jwt"), "ok"),
        (json!("AT+JWT"), "ok"),
        (json!("application/at+jwt"), "ok"),
        (json!("logout+jwt"), "typ_refused"),
        (json!("dpop+jwt"), "typ_refused"),
        (json!("secevent+jwt"), "typ_refused"),
        (json!("JOSE"), "typ_refused"),
        (json!(""), "typ_refused"),
        (json!("application/application/jwt"), "typ_refused"),
        (json!(null), "typ_refused"),
        (json!(["JWT"]), "typ_refused"),
    ] {
        let header = json!({"alg": "ES256", "typ": kind}).to_string();
        assert_eq!(signed_with_header(&header), reason, "{header}");
    }
}

#[test]
fn a_nested_token_is_refused() {
    let (keys, inner) = good_token();
    let signer = Signer::p256();
    for (header, reason) in [
        (r#"{"alg":"ES256","cty":"JWT"}"#, "token_nested"),
        (r#"{"alg":"ES256","cty":"application/jwt"}"#, "token_nested"),
        (r#"{"alg":"ES256"}"#, "claims_not_json"),
    ] {
        let token = signer.token(Algorithm::Es256, header, &inner);
        assert_eq!(verdict(&keys, token.as_bytes()), reason);
    }
}

#[test]
fn an_encrypted_token_is_refused() {
    let (keys, _) = good_token();
    let token = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA";
    assert_eq!(verdict(&keys, token.as_bytes()), "token_not_three_parts");
}

#[test]
fn a_claim_twice_is_refused() {
    let expires = support::NOW + 300;
    for claims in [
        format!(
            r#"{{"iss":"{0}","exp":1,"exp":{expires}}}"#,
            support::ISSUER
        ),
        format!(
            r#"{{"iss":"{0}","exp":{expires},"\u0065xp":{expires}}}"#,
            support::ISSUER
        ),
        format!(
            r#"{{"iss":"{0}","iss":"{0}","exp":{expires}}}"#,
            support::ISSUER
        ),
        format!(
            r#"{{"iss":"{0}","exp":{expires},"a":{{"r":1,"r":2}}}}"#,
            support::ISSUER
        ),
    ] {
        assert_eq!(signed_claims(&claims), "claim_twice", "{claims}");
    }
}

#[test]
fn a_header_member_twice_is_refused() {
    for header in [
        r#"{"alg":"none","alg":"ES256"}"#,
        r#"{"alg":"ES256","alg":"none"}"#,
        r#"{"alg":"ES256","\u0061lg":"ES256"}"#,
        r#"{"alg":"ES256","kid":"a","kid":"b"}"#,
    ] {
        assert_eq!(
            signed_with_header(header),
            "header_member_twice",
            "{header}"
        );
    }
}

#[test]
fn exp_as_a_string_or_1e400_is_refused() {
    let with = |exp: &str| format!(r#"{{"iss":"{}","exp":{exp}}}"#, support::ISSUER);
    for exp in [
        r#""1900000000""#,
        "true",
        "null",
        "[1900000000]",
        "{}",
        "-1",
        "-1.5",
        "-1e300",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "9007199254740993",
    ] {
        assert_eq!(signed_claims(&with(exp)), "exp_malformed", "{exp}");
    }
    for exp in [
        "1e400",
        "0x71",
        "+1900000000",
        "01900000000",
        "NaN",
        "Infinity",
        "1900000000.",
    ] {
        assert_eq!(signed_claims(&with(exp)), "claims_not_json", "{exp}");
    }
    for exp in ["0", "-0", "0.0", "1"] {
        assert_eq!(signed_claims(&with(exp)), "token_expired", "{exp}");
    }
    for exp in ["1900000000", "1900000000.5", "1.9e9", "190000000000e-2"] {
        assert_eq!(signed_claims(&with(exp)), "ok", "{exp}");
    }
}

#[test]
fn a_token_of_100_kb_is_refused_before_it_is_read() {
    let (keys, good) = good_token();
    let mut claims = good_claims();
    claims["padding"] = json!("x".repeat(100_000));
    assert_eq!(signed_claims(&claims.to_string()), "token_too_long");
    for filler in ["a", ".", "\0", "{", "=", "\u{ff}"] {
        let token = filler.repeat(100_000);
        assert_eq!(verdict(&keys, token.as_bytes()), "token_too_long");
    }
    let long = format!("{good}{}", "A".repeat(MAX_TOKEN_BYTES + 1 - good.len()));
    assert_eq!(verdict(&keys, long.as_bytes()), "token_too_long");
}

#[test]
fn dots_white_space_padding_and_left_over_bits_are_refused() {
    let (keys, good) = good_token();
    let parts: Vec<&str> = good.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{header}.{claims} .{signature}"),
        format!("{header}\r\n.{claims}.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!("{header}.{claims}.{signature}=="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}.{}", signature.replace(['-', '_'], "+")),
        format!("{header}.{claims}.{signature}\0"),
        format!("Bearer {good}"),
        format!("\u{feff}{good}"),
    ] {
        if token == good {
            continue;
        }
        let verdict = verdict(&keys, token.as_bytes());
        assert_ne!(verdict, "ok", "{token}");
        assert_ne!(verdict, "signature_invalid", "{token}");
    }
}

/// 64 bytes take 86 letters, of which the last has four bits too many: fifteen other letters mean
/// the same bytes to a decoder that doesn't look.
#[test]
fn no_other_spelling_of_a_signature_counts() {
    let (keys, good) = good_token();
    let (rest, last) = good.split_at(good.len() - 1);
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let token = format!("{rest}{letter}");
        let is_good = last == letter.to_string();
        assert_eq!(verdict(&keys, token.as_bytes()) == "ok", is_good);
    }
}

#[test]
fn the_json_serialisation_is_refused() {
    let (keys, good) = good_token();
    let parts: Vec<&str> = good.split('.').collect();
    for token in [
        json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}),
        json!({"payload": parts[1], "signatures": [{"protected": parts[0], "signature": parts[2]}]}),
    ] {
        assert_eq!(
            verdict(&keys, token.to_string().as_bytes()),
            "token_not_three_parts"
        );
    }
}

/// "Psychic signatures", CVE-2022-21449, and their neighbours.
#[test]
fn an_ecdsa_signature_of_zeros_or_of_the_groups_order_is_refused() {
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (keys, good) = good_token();
    let text = good.rsplit_once('.').unwrap().0;
    let one = {
        let mut one = [0; 32];
        one[31] = 1;
        one
    };
    for r in [[0; 32], one, order, [0xff; 32]] {
        for s in [[0; 32], one, order, [0xff; 32]] {
            let token = format!("{text}.{}", encode([r, s].concat()));
            assert_eq!(verdict(&keys, token.as_bytes()), "signature_invalid");
        }
    }
}

#[test]
fn an_ecdsa_signature_in_der_or_of_another_length_is_refused() {
    let signer = Signer::p256();
    let keys = key_set(&[signer.jwk()]);
    let (text, _) = {
        let token = signer.plain_token(Algorithm::Es256, &good_claims());
        let (text, signature) = token.rsplit_once('.').unwrap();
        (text.to_owned(), signature.to_owned())
    };
    let plain = signer.sign(Algorithm::Es256, text.as_bytes());
    let in_der = p256::ecdsa::Signature::from_slice(&plain).unwrap().to_der();
    for signature in [
        in_der.as_bytes().to_vec(),
        plain[..63].to_vec(),
        [plain.as_slice(), &[0]].concat(),
        [&[0], plain.as_slice()].concat(),
        [&[0], &plain[..32], &[0], &plain[32..]].concat(),
        plain[..32].to_vec(),
    ] {
        let token = format!("{text}.{}", encode(signature));
        assert_eq!(verdict(&keys, token.as_bytes()), "signature_invalid");
    }
}

#[test]
fn an_rsa_signature_of_another_length_or_number_is_refused() {
    let signer = Signer::rsa();
    let keys = key_set(&[signer.jwk()]);
    let token = signer.plain_token(Algorithm::Rs256, &good_claims());
    let text = token.rsplit_once('.').unwrap().0;
    let plain = signer.sign(Algorithm::Rs256, text.as_bytes());
    let Signer::Rsa(pair) = &signer else { panic!() };
    let modulus = pair.public_key().to_components().n;
    for signature in [
        plain[1..].to_vec(),
        [&[0], plain.as_slice()].concat(),
        [plain.as_slice(), &[0]].concat(),
        vec![0; 256],
        vec![0xff; 256],
        modulus,
        vec![1],
    ] {
        let token = format!("{text}.{}", encode(signature));
        assert_eq!(verdict(&keys, token.as_bytes()), "signature_invalid");
    }
}

#[test]
fn a_key_that_is_too_weak_or_for_another_purpose_is_skipped() {
    let rsa = Signer::rsa();
    let of_bits = |bits: usize| {
        let mut modulus = vec![0xff; bits / 8];
        modulus[0] = 0x80;
        json!({"n": encode(modulus)})
    };
    for (jwk, reason) in [
        (rsa.jwk_with(&of_bits(1024)), "rsa_below_2048_bits"),
        (rsa.jwk_with(&of_bits(2040)), "rsa_below_2048_bits"),
        (rsa.jwk_with(&json!({"n": ""})), "rsa_below_2048_bits"),
        (
            rsa.jwk_with(&json!({"n": encode([0; 256])})),
            "rsa_below_2048_bits",
        ),
        (rsa.jwk_with(&of_bits(4104)), "rsa_above_4096_bits"),
        (rsa.jwk_with(&json!({"e": "Aw"})), "rsa_exponent_not_65537"),
        (rsa.jwk_with(&json!({"e": "AQ"})), "rsa_exponent_not_65537"),
        (rsa.jwk_with(&json!({"e": ""})), "rsa_exponent_not_65537"),
        (rsa.jwk_with(&json!({"e": "AQAB="})), "key_malformed"),
        (rsa.jwk_with(&json!({"d": "AQAB"})), "private_key_published"),
        (rsa.jwk_with(&json!({"use": "enc"})), "use_not_sig"),
        (rsa.jwk_with(&json!({"use": 1})), "key_malformed"),
        (
            rsa.jwk_with(&json!({"key_ops": ["encrypt"]})),
            "key_ops_without_verify",
        ),
        (
            rsa.jwk_with(&json!({"key_ops": []})),
            "key_ops_without_verify",
        ),
        (rsa.jwk_with(&json!({"key_ops": "verify"})), "key_malformed"),
        (rsa.jwk_with(&json!({"alg": "ES256"})), "alg_not_allowed"),
        (rsa.jwk_with(&json!({"alg": "RSA-OAEP"})), "alg_not_allowed"),
        (rsa.jwk_with(&json!({"alg": "none"})), "alg_not_allowed"),
        (
            rsa.jwk_with(&json!({"kid": "k".repeat(513)})),
            "kid_too_long",
        ),
        (rsa.jwk_with(&json!({"kid": 1})), "key_malformed"),
        (rsa.jwk_with(&json!({"kty": "rsa"})), "kty_unknown"),
        (
            json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"}),
            "kty_unknown",
        ),
        (json!({}), "kty_unknown"),
        (json!("key"), "key_malformed"),
        (
            Signer::p256().jwk_with(&json!({"crv": "P-521"})),
            "crv_unknown",
        ),
        (
            Signer::p256().jwk_with(&json!({"crv": "secp256k1"})),
            "crv_unknown",
        ),
        (
            Signer::p256().jwk_with(&json!({"crv": "P-384"})),
            "key_malformed",
        ),
        (
            Signer::p384().jwk_with(&json!({"crv": "P-256"})),
            "key_malformed",
        ),
        (
            Signer::p256().jwk_with(&json!({"x": encode([0; 32])})),
            "key_malformed",
        ),
        (
            Signer::p256().jwk_with(&json!({"x": encode([0; 33])})),
            "key_malformed",
        ),
        (
            Signer::p256().jwk_with(&json!({"x": "", "y": ""})),
            "key_malformed",
        ),
        (
            Signer::p256().jwk_with(&json!({"x": null})),
            "key_malformed",
        ),
        (
            Signer::ed25519().jwk_with(&json!({"crv": "X25519"})),
            "crv_unknown",
        ),
        (
            Signer::ed25519().jwk_with(&json!({"crv": "Ed448"})),
            "crv_unknown",
        ),
        // The neutral element, under which anything is signed.
        (
            Signer::ed25519().jwk_with(&json!({"x": encode([&[1][..], &[0; 31]].concat())})),
            "key_malformed",
        ),
        (
            Signer::ed25519().jwk_with(&json!({"x": encode([0; 32])})),
            "key_malformed",
        ),
        (
            Signer::ed25519().jwk_with(&json!({"x": encode([0; 31])})),
            "key_malformed",
        ),
        (Signer::Secret(vec![7; 31]).jwk(), "secret_below_32_bytes"),
        (Signer::Secret(Vec::new()).jwk(), "secret_below_32_bytes"),
    ] {
        // Beside a good one, whose tokens count all the same.
        let (_, token) = good_token();
        let keys = key_set(&[jwk.clone(), Signer::p256().jwk()]);
        assert_eq!(keys.len(), 1, "{jwk}");
        assert_eq!(keys.skipped()[0].reason.reason(), reason, "{jwk}");
        assert_eq!(keys.skipped()[0].index, 0);
        assert_eq!(verdict(&keys, token.as_bytes()), "ok");
    }
}

/// The bytes of both together would be the same point.
#[test]
fn a_coordinate_of_another_length_is_refused_though_the_other_makes_up_for_it() {
    let mut coordinates = Vec::new();
    let Signer::P256(pair) = Signer::p256() else {
        panic!()
    };
    coordinates.extend_from_slice(&pair.public_key().public_key().to_bytes_uncompressed()[1..]);
    for (at, usable) in [(31, 0), (32, 1), (33, 0)] {
        let (x, y) = coordinates.split_at(at);
        let members = json!({"x": encode(x), "y": encode(y)});
        let keys = key_set(&[Signer::p256().jwk_with(&members), Signer::rsa().jwk()]);
        assert_eq!(keys.len(), 1 + usable);
    }
}

#[test]
fn a_key_set_that_is_none_is_refused() {
    let of = |count: usize| json!({"keys": vec![Signer::p256().jwk(); count]}).to_string();
    for (json, reason) in [
        ("", "key_set_not_json"),
        ("<html>", "key_set_not_json"),
        ("[]", "key_set_not_an_object"),
        ("{}", "key_set_without_keys"),
        (r#"{"keys":{}}"#, "key_set_without_keys"),
        (r#"{"keys":[]}"#, "key_set_without_usable_key"),
        (r#"{"keys":[],"keys":[]}"#, "key_set_member_twice"),
        (
            r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#,
            "key_set_member_twice",
        ),
        (&of(65), "key_set_too_many_keys"),
        (&" ".repeat(128 * 1024 + 1), "key_set_too_long"),
        (
            &format!(r#"{{"keys":{}{}}}"#, "[".repeat(99), "]".repeat(99)),
            "key_set_too_deep",
        ),
    ] {
        let error = KeySet::parse(json.as_bytes(), support::every_algorithm()).unwrap_err();
        assert_eq!(error.reason(), reason, "{}", &json[..json.len().min(60)]);
    }
    assert_eq!(
        KeySet::parse(of(64).as_bytes(), support::every_algorithm())
            .unwrap()
            .len(),
        64
    );
}

#[test]
fn a_token_is_held_against_the_keys_that_it_names_and_a_bounded_number_of_them() {
    let others: Vec<Value> = (0x30..0x3a_u8)
        .map(|seed| {
            let pair = jwt_simple::algorithms::ES256KeyPair::from_bytes(&[seed; 32]).unwrap();
            Signer::P256(pair).jwk()
        })
        .collect();
    let named = |jwk: &Value, kid: &str| {
        let mut jwk = jwk.clone();
        jwk["kid"] = json!(kid);
        jwk
    };
    let signer = Signer::p256();
    let token = |kid: Option<&str>| {
        let mut header = json!({"alg": "ES256"});
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        signer.token(
            Algorithm::Es256,
            &header.to_string(),
            &good_claims().to_string(),
        )
    };
    let judge = |jwks: &[Value], kid: Option<&str>| {
        let (keys, token) = (key_set(jwks), token(kid));
        let token = acceptable(&token);
        let (mut asked, budget) = (0, keys.checks(token.token()));
        let verdict = keys.verify(token, &mut |_| {
            asked += 1;
            None
        });
        assert!(asked <= budget && budget <= 4, "{asked} {budget}");
        verdict.err()
    };
    let key = signer.jwk();
    // By name, whatever else there is.
    assert_eq!(
        judge(&[named(&others[0], "b"), named(&key, "a")], Some("a")),
        None
    );
    assert_eq!(
        judge(&[named(&key, "b")], Some("a")),
        Some(BadSignature::UnknownKey)
    );
    // A name twice: each is tried.
    assert_eq!(
        judge(&[named(&others[0], "a"), named(&key, "a")], Some("a")),
        None
    );
    // A key without a name may be the one, unless there is one of that name.
    assert_eq!(judge(std::slice::from_ref(&key), Some("a")), None);
    let both = [key.clone(), named(&others[0], "a")];
    assert_eq!(judge(&both, Some("a")), Some(BadSignature::Forged));
    // Where it hasn't signed, whatever its type, the name is of a key that isn't here.
    for nameless in [others[0].clone(), Signer::rsa().jwk()] {
        let beside = [nameless, named(&key, "b")];
        assert_eq!(judge(&beside, Some("a")), Some(BadSignature::UnknownKey));
    }
    // A token without a name: all are tried, up to a bound.
    assert_eq!(
        judge(&[named(&others[0], "b"), named(&key, "a")], None),
        None
    );
    let mut many = others[..3].to_vec();
    many.push(key.clone());
    assert_eq!(judge(&many, None), None);
    many.insert(0, others[3].clone());
    assert_eq!(judge(&many, None), Some(BadSignature::TooManyKeys));
    // Keys of another kind don't count as tries.
    let mut many = vec![Signer::rsa().jwk(); 5];
    many.push(key);
    assert_eq!(judge(&many, None), None);
}

#[test]
fn a_secret_of_the_configuration_counts_under_its_name_or_any() {
    let secret = [0x11; 32];
    let header = json!({"alg": "HS256", "kid": "a"}).to_string();
    let token = Signer::secret().token(Algorithm::Hs256, &header, &good_claims().to_string());
    for (kid, expected) in [
        (None, None),
        (Some("a"), None),
        (Some(""), None),
        (Some("b"), Some(BadSignature::UnknownKey)),
    ] {
        let keys = KeySet::of_secret(&secret, kid).unwrap();
        assert_eq!(verify(&keys, &token).err(), expected);
    }
    assert_eq!(
        KeySet::of_secret(&[0x11; 31], None).unwrap_err().reason(),
        "secret_below_32_bytes"
    );
    let long = "k".repeat(513);
    assert_eq!(
        KeySet::of_secret(&secret, Some(&long))
            .unwrap_err()
            .reason(),
        "kid_too_long"
    );
}
