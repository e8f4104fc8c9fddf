//! Tokens: whose they are, what they cost, and what is remembered. Their signatures are the test
//! host's to judge.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::Identity;
use http_filter::{ConnectionProperty, Filter, SECOND};
use test_host::{Exchange, TestHost};

use super::{KEY, NOW, auth, chat, now, outcome};
use crate::Auth;

/// The key of RFC 7515, appendix A.2.
pub(super) const JWKS: &str = r#"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"one\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}"#;

fn config(of_issuer: &str, more: &str) -> String {
    format!(
        r#"{{"hosts":{{"gateway":{{"authority":"*"}}}},
        "tenants":{{
            "team-a":{{"plan":"standard","models":["*"]}},
            "team-b":{{"plan":"standard","models":["*"]}},
            "unknown":{{"plan":"trial","models":[]}}}},
        "plans":{{"gold":{{}},"silver":{{"models":["fast"]}}}},
        "keys":{{"ci":{{"tenant":"team-a",
            "sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}}}},
        "issuers":{{"keycloak":{{"issuer":"https://sso.example.com","audiences":["ai-gateway"],
            "jwks":{{"inline":"{JWKS}"}},{of_issuer}}}}}{more}}}"#
    )
}

const BY_CLAIM: &str = r#""claims":{"tenant":"team"}"#;

fn encode(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three
            .iter()
            .fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        let word = word << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            text.push(char::from(LETTERS[word >> (18 - 6 * place) & 63]));
        }
    }
    text
}

fn token_of(header: &str, claims: &str) -> String {
    let signature = encode(&[7; 256]);
    format!(
        "{}.{}.{signature}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    )
}

/// A token of the issuer for this audience, good for a minute, with more claims.
pub(super) fn token(more: &str) -> String {
    token_of(
        r#"{"alg":"RS256","kid":"one"}"#,
        &format!(
            r#"{{"iss":"https://sso.example.com","aud":"ai-gateway","exp":{},"sub":"ann"{more}}}"#,
            NOW + 60
        ),
    )
}

/// A proxy that says of every signature that it is right, or wrong.
pub(super) fn proxy(says: bool) -> TestHost {
    let mut host = TestHost::new();
    host.signatures = Some(says);
    host
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

fn judged(auth: &Auth, token: &str, host: TestHost) -> (Result<String, String>, TestHost) {
    let (name, value) = bearer(token);
    outcome(auth, &mut chat(&[(name, &value)]), host)
}

#[test]
fn a_token_gives_its_tenant_plan_user_and_models() {
    let of_issuer = r#""claims":{"tenant":"team","plan":"tier","user":"name","models":"may.use"}"#;
    let auth = auth(&config(of_issuer, ""));
    let claims =
        r#","team":"team-b","tier":"silver","name":"Ann Lee","may":{"use":["fast","gpt-*"]}"#;
    let (found, host) = judged(&auth, &token(claims), proxy(true));
    assert_eq!(found.as_deref(), Ok("team-b"));
    let identity = Identity::of(&host).unwrap();
    assert_eq!(identity.plan.as_str(), "silver");
    assert_eq!(identity.key.as_str(), "keycloak");
    assert_eq!(identity.user.unwrap().as_str(), "Ann Lee");
    assert!(identity.models.allow("fast") && !identity.models.allow("gpt-4.1"));
    let series =
        r#"ai_auth_total{credential="jwt",issuer="keycloak",outcome="accepted",reason=""}"#;
    assert_eq!(host.counter(series), 1);
}

#[test]
fn a_token_goes_no_further_and_may_stand_where_keys_do() {
    for name in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
        let token = token(r#","team":"team-a""#);
        let value = if name == "authorization" {
            format!("Bearer {token}")
        } else {
            token
        };
        let mut headers = chat(&[(name, &value), ("accept", "*/*")]);
        let (found, _) = outcome(&auth(&config(BY_CLAIM, "")), &mut headers, proxy(true));
        assert_eq!(found.as_deref(), Ok("team-a"), "{name}");
        assert_eq!(headers, chat(&[("accept", "*/*")]));
    }
}

#[test]
fn claims_that_name_nothing_of_the_configuration_give_no_access() {
    let all = r#""claims":{"tenant":"team","plan":"tier","user":"name","models":"use"}"#;
    let mapped =
        r#""claims":{"tenant":"team"},"tenants":{"A":"team-a","A2":"team-a","B":"team-b"}"#;
    let always = r#""tenant":"team-b""#;
    for (of_issuer, claims, wanted) in [
        (BY_CLAIM, "", Err("tenant_missing")),
        (BY_CLAIM, r#","team":7"#, Err("tenant_malformed")),
        (BY_CLAIM, r#","team":"team-c""#, Err("tenant_unknown")),
        (BY_CLAIM, r#","team":"Team-A""#, Err("tenant_unknown")),
        (BY_CLAIM, r#","team":["x","team-a"]"#, Ok("team-a")),
        (
            BY_CLAIM,
            r#","team":["team-a","team-b"]"#,
            Err("tenant_ambiguous"),
        ),
        (BY_CLAIM, r#","team":[]"#, Err("tenant_unknown")),
        (mapped, r#","team":"A""#, Ok("team-a")),
        (mapped, r#","team":["A","A2"]"#, Ok("team-a")),
        (mapped, r#","team":["A","B"]"#, Err("tenant_ambiguous")),
        (mapped, r#","team":"team-a""#, Err("tenant_unknown")),
        (always, r#","team":"team-a""#, Ok("team-b")),
        (
            all,
            r#","team":"team-a","name":"x","tier":"iron""#,
            Err("plan_unknown"),
        ),
        (
            all,
            r#","team":"team-a","name":"x","tier":["iron"]"#,
            Ok("team-a"),
        ),
        (
            all,
            r#","team":"team-a","name":"x","tier":["gold","silver"]"#,
            Err("plan_ambiguous"),
        ),
        (all, r#","team":"team-a""#, Err("user_missing")),
        (
            all,
            r#","team":"team-a","name":"a\nb""#,
            Err("user_malformed"),
        ),
        (
            all,
            r#","team":"team-a","name":"x","use":{}"#,
            Err("models_malformed"),
        ),
    ] {
        let (found, host) = judged(&auth(&config(of_issuer, "")), &token(claims), proxy(true));
        let wanted = wanted.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, wanted, "{of_issuer} {claims}");
        assert_eq!(host.fact_text(facts::key::TENANT).is_some(), found.is_ok());
    }
}

#[test]
fn a_token_without_the_claim_of_models_may_use_none() {
    let auth = auth(&config(
        r#""tenant":"team-a","claims":{"models":"use"}"#,
        "",
    ));
    let (_, host) = judged(&auth, &token(""), proxy(true));
    assert!(!Identity::of(&host).unwrap().models.allow("fast"));
}

#[test]
fn a_subject_that_is_no_printable_text_is_left_out() {
    let auth = auth(&config(r#""tenant":"team-a""#, ""));
    let (_, host) = judged(&auth, &token(""), proxy(true));
    assert_eq!(Identity::of(&host).unwrap().user.unwrap().as_str(), "ann");
    let claims = format!(
        r#"{{"iss":"https://sso.example.com","aud":"ai-gateway","exp":{},"sub":"a\nb"}}"#,
        NOW + 60
    );
    let (_, host) = judged(&auth, &token_of(r#"{"alg":"RS256"}"#, &claims), proxy(true));
    assert_eq!(Identity::of(&host).unwrap().user, None);
}

#[test]
fn what_is_cheap_is_looked_at_before_a_signature() {
    let claims = |iss: &str, aud: &str, exp: u64| {
        let claims = format!(r#"{{"iss":"{iss}","aud":"{aud}","exp":{exp}}}"#);
        token_of(r#"{"alg":"RS256","kid":"one"}"#, &claims)
    };
    let (iss, aud, exp) = ("https://sso.example.com", "ai-gateway", NOW + 60);
    let auth = auth(&config(BY_CLAIM, ""));
    for (token, reason) in [
        ("eyJ..".to_owned(), "header_not_base64url"),
        (token_of(r#"{"alg":"none"}"#, "{}"), "alg_none"),
        (
            claims("https://evil.example.com", aud, exp),
            "issuer_unknown",
        ),
        (claims(iss, "other", exp), "aud_mismatch"),
        (claims(iss, aud, NOW - 60), "token_expired"),
        (
            token(r#","team":"team-a""#).replace(
                &encode(br#"{"alg":"RS256","kid":"one"}"#),
                &encode(br#"{"alg":"RS256","kid":"two"}"#),
            ),
            "key_unknown",
        ),
    ] {
        let (found, host) = judged(&auth, &token, proxy(true));
        assert_eq!(found, Err(reason.to_owned()));
        assert_eq!(host.signatures_asked, 0, "{reason}");
    }
}

#[test]
fn a_token_costs_one_signature_check_good_or_forged() {
    let auth = auth(&config(BY_CLAIM, ""));
    for (claims, says, wanted) in [
        (r#","team":"team-a""#, true, Ok("team-a")),
        (r#","team":"team-c""#, true, Err("tenant_unknown")),
        (r#","team":"team-b""#, false, Err("signature_invalid")),
    ] {
        let wanted = wanted.map(str::to_owned).map_err(str::to_owned);
        let (found, host) = judged(&auth, &token(claims), proxy(says));
        assert_eq!((found, host.signatures_asked), (wanted.clone(), 1));
        let (found, host) = judged(&auth, &token(claims), proxy(says));
        assert_eq!((found, host.signatures_asked), (wanted, 0));
    }
}

#[test]
fn what_is_remembered_ends_with_the_token() {
    let auth = auth(&config(BY_CLAIM, ""));
    let (name, value) = bearer(&token(r#","team":"team-a""#));
    let at = |seconds| {
        let mut exchange = Exchange::new(auth.open(), proxy(true), now().plus(seconds * SECOND));
        let _ = exchange.request_headers(&mut chat(&[(name, &value)]), false);
        exchange.end().fact_text(facts::key::REFUSED)
    };
    assert_eq!(at(0), None);
    assert_eq!(at(119), None);
    assert_eq!(at(120).as_deref(), Some("token_expired"));
}

#[test]
fn a_token_of_nobody_s_beside_a_key_of_ours_does_not_count_and_one_of_ours_does() {
    let auth = auth(&config(BY_CLAIM, ""));
    let theirs = token_of(
        r#"{"alg":"RS256"}"#,
        r#"{"iss":"https://theirs.example.com"}"#,
    );
    for (token, wanted) in [
        (theirs.as_str(), Ok("team-a")),
        ("eyJ.e30.x", Ok("team-a")),
        (&token(r#","team":"team-a""#), Ok("team-a")),
        (&token(r#","team":"team-b""#), Err("credentials_disagree")),
        (&token(r#","team":"team-c""#), Err("tenant_unknown")),
    ] {
        let mut headers = chat(&[KEY, ("x-api-key", token)]);
        let (found, _) = outcome(&auth, &mut headers, proxy(true));
        assert_eq!(
            found,
            wanted.map(str::to_owned).map_err(str::to_owned),
            "{token}"
        );
        let foreign = token == theirs || token == "eyJ.e30.x";
        assert_eq!(headers.text("x-api-key").is_some(), foreign, "{token}");
    }
}

#[test]
fn signature_checks_are_bounded_and_beyond_that_it_is_429() {
    let auth = auth(&config(BY_CLAIM, r#","signatures":{"perSecond":2}"#));
    for number in 0..3 {
        let token = token(&format!(r#","team":"team-a","jti":"{number}""#));
        let (name, value) = bearer(&token);
        let mut exchange = Exchange::new(auth.open(), proxy(true), now());
        let outcome = exchange.request_headers(&mut chat(&[(name, &value)]), false);
        if number < 2 {
            assert!(outcome.passed().is_empty());
            continue;
        }
        let reply = outcome.reply();
        assert_eq!((reply.status(), reply.details()), (429, "signature_budget"));
        assert!(
            reply
                .headers()
                .iter()
                .any(|(name, _)| *name == "retry-after")
        );
    }
    // What is known already costs nothing.
    let known = token(r#","team":"team-a","jti":"0""#);
    assert_eq!(
        judged(&auth, &known, proxy(true)).0.as_deref(),
        Ok("team-a")
    );
}

#[test]
fn one_address_does_not_spend_what_is_the_others() {
    let limits = r#","signatures":{"perSecond":100,"perAddressPerSecond":1}"#;
    let auth = auth(&config(BY_CLAIM, limits));
    let from = |address, number| {
        let host = proxy(false).with_connection(ConnectionProperty::SourceAddress, address);
        judged(&auth, &token(&format!(r#","jti":"{number}""#)), host)
            .0
            .unwrap_err()
    };
    assert_eq!(from("10.0.0.1:1", 1), "signature_invalid");
    assert_eq!(from("10.0.0.1:2", 2), "signature_budget");
    assert_eq!(from("10.0.0.2:1", 3), "signature_invalid");
}

#[test]
fn where_the_proxy_can_not_say_a_check_of_our_own_costs_more() {
    let auth = auth(&config(BY_CLAIM, r#","signatures":{"perSecond":10}"#));
    let judged = |number| {
        judged(
            &auth,
            &token(&format!(r#","jti":"{number}""#)),
            TestHost::new(),
        )
        .0
    };
    // The first one shows that the proxy can't.
    assert_eq!(judged(1), Err("signature_invalid".to_owned()));
    assert_eq!(judged(2), Err("signature_invalid".to_owned()));
    assert_eq!(judged(3), Err("signature_budget".to_owned()));
}

#[test]
fn forged_tokens_that_cost_much_keep_out_nobody_whose_token_the_proxy_verifies() {
    let auth = auth(&config(BY_CLAIM, r#","signatures":{"perSecond":60}"#));
    let forged = |number| {
        let claims = format!(
            r#"{{"iss":"https://sso.example.com","aud":"ai-gateway","exp":{},"jti":"{number}"}}"#,
            NOW + 60
        );
        let token = token_of(r#"{"alg":"PS512","kid":"one"}"#, &claims);
        judged(&auth, &token, proxy(true)).0.unwrap_err()
    };
    for number in 0..3 {
        assert_eq!(forged(number), "signature_invalid");
    }
    assert_eq!(forged(3), "signature_budget");
    let newcomer = token(r#","team":"team-a""#);
    let (found, _) = judged(&auth, &newcomer, proxy(true));
    assert_eq!(found.as_deref(), Ok("team-a"));
}

#[test]
fn a_token_may_need_more_checks_than_the_limit_has() {
    let key = JWKS.replace(r#"\"kid\":\"one\","#, "");
    let key = key
        .trim_start_matches(r#"{\"keys\":["#)
        .trim_end_matches("]}");
    let jwks = format!(r#"{{\"keys\":[{key},{key}]}}"#);
    let two_keys = config(BY_CLAIM, r#","signatures":{"perSecond":1}"#).replace(JWKS, &jwks);
    let (found, _) = judged(&auth(&two_keys), &token(r#","team":"team-a""#), proxy(true));
    assert_eq!(found.as_deref(), Ok("team-a"));
}

#[test]
fn what_a_watched_issuer_could_have_sent_passes_whatever_its_form() {
    let of_issuer = r#""mode":"shadow","claims":{"tenant":"team"}"#;
    let auth = auth(&config(of_issuer, r#","shadow":{"tenant":"unknown"}"#));
    let claims = format!(
        r#"{{"iss":"https://sso.example.com","aud":"ai-gateway","exp":{}}}"#,
        NOW + 60
    );
    let padded = {
        let token = token("");
        let (head, signature) = token.rsplit_once('.').unwrap();
        format!("{head}==.{signature}")
    };
    for (token, issuer, reason) in [
        (
            token_of(r#"{"alg":"RS256","crit":["b64"]}"#, &claims),
            "keycloak",
            "crit_refused",
        ),
        (
            token_of(r#"{"alg":"ES512"}"#, &claims),
            "keycloak",
            "alg_unknown",
        ),
        (
            token_of(r#"{"alg":"RS256","typ":"logout+jwt"}"#, &claims),
            "keycloak",
            "typ_refused",
        ),
        (padded, "keycloak", "claims_not_base64url"),
        (
            token(&format!(r#","groups":"{}""#, "g".repeat(20_000))),
            "keycloak",
            "token_too_long",
        ),
        (
            token_of(r#"{"alg":"RS256"}"#, "no claims"),
            "",
            "claims_not_json",
        ),
    ] {
        let (found, host) = judged(&auth, &token, proxy(true));
        assert_eq!(found.as_deref(), Ok("unknown"), "{reason}");
        let series = format!(
            r#"ai_auth_total{{credential="jwt",issuer="{issuer}",outcome="shadowed",reason="{reason}"}}"#
        );
        assert_eq!(host.counter(&series), 1, "{reason}");
    }
    let another = token_of(
        r#"{"alg":"ES512"}"#,
        r#"{"iss":"https://other.example.com"}"#,
    );
    let (found, _) = judged(&auth, &another, proxy(true));
    assert_eq!(found, Err("alg_unknown".to_owned()));
}

#[test]
fn a_credential_that_is_too_long_is_one_all_the_same() {
    let auth = auth(&config(BY_CLAIM, ""));
    let long = "g".repeat(20_000);
    let token = token(&format!(r#","team":"team-a","groups":"{long}""#));
    for (credential, kind, reason) in [
        (&token, "jwt", "token_too_long"),
        (&long, "api_key", "unknown_key"),
    ] {
        let (found, host) = outcome(&auth, &mut chat(&[("x-api-key", credential)]), proxy(true));
        assert_eq!(found, Err(reason.to_owned()));
        let series = format!(
            r#"ai_auth_total{{credential="{kind}",issuer="",outcome="refused",reason="{reason}"}}"#
        );
        assert_eq!(host.counter(&series), 1);
    }
}

#[test]
fn an_issuer_that_is_only_watched_keeps_nobody_out() {
    let of_issuer = r#""mode":"shadow","claims":{"tenant":"team"}"#;
    let auth = auth(&config(of_issuer, r#","shadow":{"tenant":"unknown"}"#));
    let (found, _) = judged(&auth, &token(r#","team":"team-b""#), proxy(true));
    assert_eq!(found.as_deref(), Ok("team-b"));
    let forged = token(r#","team":"team-b","jti":"x""#);
    let (found, host) = judged(&auth, &forged, proxy(false));
    assert_eq!(found.as_deref(), Ok("unknown"));
    let series = r#"ai_auth_total{credential="jwt",issuer="keycloak",outcome="shadowed",reason="signature_invalid"}"#;
    assert_eq!(host.counter(series), 1);
    // Another credential decides where there is one, and nobody else is let through.
    let (found, _) = outcome(
        &auth,
        &mut chat(&[KEY, ("x-api-key", &forged)]),
        proxy(false),
    );
    assert_eq!(found.as_deref(), Ok("team-a"));
    let (found, _) = outcome(&auth, &mut chat(&[]), proxy(false));
    assert_eq!(found, Err("no_credential".to_owned()));
}
