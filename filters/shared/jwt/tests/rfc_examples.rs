//! The examples of the RFCs themselves.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

mod support;

use jwt::{
    Algorithm, Algorithms, BadSignature, ClaimError, Expectations, Jws, KeySet, Malformed, Token,
};
use support::every_algorithm;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const EXPIRES: u64 = 1_300_819_380;

const SECRET: &str = r#"{"keys": [{"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}"#;
const RSA: &str = r#"{"keys": [{"kty": "RSA", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ", "e": "AQAB"}]}"#;
const P256: &str = r#"{"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const ED25519: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn keys(json: &str) -> KeySet {
    KeySet::parse(json.as_bytes(), every_algorithm()).unwrap()
}

fn verify(keys_json: &str, token: &str) -> Result<(), BadSignature> {
    let token = Token::parse(token.as_bytes()).unwrap();
    let expectations = Expectations::of_issuer("joe");
    let token = expectations.check(token, EXPIRES - 1).unwrap();
    let verified = keys(keys_json).verify(token, &mut |_| None)?;
    assert_eq!(verified.issuer(), "joe");
    assert_eq!(verified.expires_at(), EXPIRES);
    Ok(())
}

#[test]
fn rfc_7515_a_1_hs256_and_rfc_7519_3_1() {
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    verify(SECRET, &token).unwrap();
    assert_eq!(verify(RSA, &token), Err(BadSignature::UnknownKey));
}

#[test]
fn rfc_7515_a_2_rs256() {
    let token = format!(
        "eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    verify(RSA, &token).unwrap();
}

#[test]
fn rfc_7515_a_3_es256() {
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    verify(P256, &token).unwrap();
}

#[test]
fn rfc_7515_a_4_es512_is_not_supported() {
    let token = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
    assert_eq!(
        Jws::parse(token.as_bytes()).err(),
        Some(Malformed::AlgorithmUnknown)
    );
}

#[test]
fn rfc_7515_a_5_and_rfc_7519_6_1_an_unsecured_token_is_refused() {
    let token = format!("eyJhbGciOiJub25lIn0.{CLAIMS}.");
    assert_eq!(
        Token::parse(token.as_bytes()).err(),
        Some(Malformed::AlgorithmNone)
    );
}

#[test]
fn rfc_7515_a_6_and_a_7_the_json_serialisation_is_refused() {
    let general = format!(
        r#"{{"payload":"{CLAIMS}","signatures":[{{"protected":"eyJhbGciOiJSUzI1NiJ9","header":{{"kid":"2010-12-29"}},"signature":"cC4hiUPoj9Eetdgtv3hF80EGrhuB"}}]}}"#
    );
    let flattened = format!(
        r#"{{"payload":"{CLAIMS}","protected":"eyJhbGciOiJFUzI1NiJ9","header":{{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"}},"signature":"DtEhU3ljbEg8L38VWAfUAqOyKAM6"}}"#
    );
    for token in [general, flattened] {
        assert_eq!(
            Jws::parse(token.as_bytes()).err(),
            Some(Malformed::NotThreeParts)
        );
    }
}

#[test]
fn rfc_7515_e_the_unsecured_example_with_a_critical_extension_is_refused() {
    let token = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.";
    assert_eq!(
        Jws::parse(token.as_bytes()).err(),
        Some(Malformed::AlgorithmNone)
    );
}

#[test]
fn rfc_8037_a_4_ed25519() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let jws = Jws::parse(token.as_bytes()).unwrap();
    assert_eq!(jws.algorithm(), Algorithm::EdDsa);
    assert_eq!(jws.payload(), b"Example of Ed25519 signing");
    keys(ED25519).verify_jws(&jws, &mut |_| None).unwrap();
    assert_eq!(
        keys(P256).verify_jws(&jws, &mut |_| None),
        Err(BadSignature::UnknownKey)
    );
}

#[test]
fn rfc_7519_4_1_4_the_time_must_be_before_the_expiry() {
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let check = |tolerance, now| {
        let token = Token::parse(token.as_bytes()).unwrap();
        let expectations = Expectations {
            tolerance,
            ..Expectations::of_issuer("joe")
        };
        expectations.check(token, now).err()
    };
    assert_eq!(check(0, EXPIRES - 1), None);
    assert_eq!(check(0, EXPIRES), Some(ClaimError::Expired));
    assert_eq!(check(60, EXPIRES + 59), None);
    assert_eq!(check(60, EXPIRES + 60), Some(ClaimError::Expired));
}

#[test]
fn a_key_set_without_an_allowed_algorithm_cannot_be_used() {
    for (json, algorithm) in [
        (SECRET, Algorithm::Rs256),
        (RSA, Algorithm::Hs256),
        (P256, Algorithm::Es384),
        (ED25519, Algorithm::Es256),
    ] {
        let allowed = Algorithms::from_iter([algorithm]);
        let error = KeySet::parse(json.as_bytes(), allowed).unwrap_err();
        assert_eq!(error.reason(), "key_set_without_usable_key");
    }
}
