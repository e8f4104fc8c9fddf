//! Watching only: what is decided is counted, and nobody is kept out.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::{Identity, key};
use test_host::TestHost;

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
