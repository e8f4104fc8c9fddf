//! Watching only: what is decided is counted, and nobody is kept out.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::{Identity, key};
use test_host::TestHost;

use super::tokens::{JWKS, proxy, token};
use super::{KEY, auth, chat, outcome, request};

const CONFIG: &str = r#"{
    "mode": "shadow",
    "shadow": { "tenant": "unknown" },
    "hosts": { "gateway": { "authority": "*" } },
    "tenants": {
        "team-a": { "plan": "standard", "models": ["*"] },
        "unknown": { "plan": "trial", "models": ["fast"] }
    },
    "keys": { "foo": { "tenant": "team-a",
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" } }
}"#;

#[test]
fn whoever_would_be_refused_passes_as_the_configured_tenant() {
    for (headers, credential, reason) in [
        (&[][..], "none", "no_credential"),
        (&[("x-api-key", "theirs")], "api_key", "unknown_key"),
    ] {
        let (found, host) = outcome(&auth(CONFIG), &mut chat(headers), TestHost::new());
        assert_eq!(found.as_deref(), Ok("unknown"));
        let identity = Identity::of(&host).unwrap();
        assert_eq!(identity.plan.as_str(), "trial");
        assert_eq!(identity.key.as_str(), "shadow");
        assert!(!identity.models.allow("slow"));
        assert_eq!(host.fact_text(key::SHADOWED).as_deref(), Some(reason));
        let series = format!(
            r#"ai_auth_total{{credential="{credential}",issuer="",outcome="shadowed",reason="{reason}"}}"#
        );
        assert_eq!(host.counter(&series), 1);
    }
}

#[test]
fn whatever_is_wrong_with_a_credential_it_passes_and_goes_no_further() {
    let issuers = format!(
        r#""issuers":{{"keycloak":{{"issuer":"https://sso.example.com","audiences":["ai-gateway"],
        "claims":{{"tenant":"team"}},"jwks":{{"inline":"{JWKS}"}}}}}},
        "signatures":{{"perSecond":1}},"keys":{{"old":{{"tenant":"unknown","expires":"2020-01-01T00:00:00Z",
        "sha256":"fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"}},"#
    );
    let config = CONFIG.replacen(r#""keys": {"#, &issuers, 1);
    let good = token(r#","team":"team-a""#);
    let early = token(r#","nbf":9999999999,"team":"team-a""#);
    for (credential, proxy_says, reason) in [
        (token("").as_str(), true, "tenant_missing"),
        (&good, false, "signature_invalid"),
        (&early, true, "token_not_yet_valid"),
        ("bar", true, "key_expired"),
        ("theirs", true, "unknown_key"),
    ] {
        let mut headers = chat(&[("x-api-key", credential)]);
        let (found, host) = outcome(&auth(&config), &mut headers, proxy(proxy_says));
        assert_eq!(found.as_deref(), Ok("unknown"), "{reason}");
        assert_eq!(host.fact_text(key::SHADOWED).as_deref(), Some(reason));
        let is_ours = reason != "unknown_key";
        assert_eq!(headers == chat(&[]), is_ours, "{reason}");
    }
    // Two that disagree, and one more than the budget has.
    let filter = auth(&config.replace("2020-01", "2999-01"));
    let (good, other) = (
        format!("Bearer {good}"),
        token(r#","team":"team-a","jti":"2""#),
    );
    for (credentials, reason) in [
        (
            &[("authorization", good.as_str()), ("x-api-key", "bar")][..],
            "credentials_disagree",
        ),
        (&[("x-api-key", other.as_str())], "signature_budget"),
    ] {
        let mut headers = chat(credentials);
        let (found, host) = outcome(&filter, &mut headers, proxy(true));
        assert_eq!(found.as_deref(), Ok("unknown"), "{reason}");
        assert_eq!(host.fact_text(key::SHADOWED).as_deref(), Some(reason));
        assert_eq!(headers, chat(&[]), "{reason}");
    }
}

#[test]
fn whoever_is_known_is_who_it_is() {
    let (found, host) = outcome(&auth(CONFIG), &mut chat(&[KEY]), TestHost::new());
    assert_eq!(found.as_deref(), Ok("team-a"));
    assert_eq!(host.fact_text(key::SHADOWED), None);
}

#[test]
fn what_no_filter_could_read_is_refused_all_the_same() {
    let mut files = request("POST", "/v1/files", &[]);
    let (found, _) = outcome(&auth(CONFIG), &mut files, TestHost::new());
    assert_eq!(found, Err("stateful_endpoint".to_owned()));
}
