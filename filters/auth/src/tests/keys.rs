//! API keys: what each may, and until when.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::Identity;
use test_host::TestHost;

use super::{KEY, auth, chat, outcome, request};

fn config(of_key: &str, more: &str) -> String {
    format!(
        r#"{{"hosts":{{"gateway":{{"authority":"*"{more}}}}},
        "tenants":{{"team-a":{{"plan":"standard","models":["gpt-*","fast"]}}}},
        "plans":{{"gold":{{"models":["*-mini"]}},"silver":{{}}}},
        "keys":{{"ci":{{"tenant":"team-a",
            "sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"{of_key}}}}}}}"#
    )
}

fn identity(of_key: &str) -> Result<Identity, String> {
    let auth = auth(&config(of_key, ""));
    let (found, host) = outcome(&auth, &mut chat(&[KEY]), TestHost::new());
    found.map(|_| Identity::of(&host).unwrap())
}

#[test]
fn a_key_has_its_tenant_s_plan_or_one_of_its_own() {
    assert_eq!(identity("").unwrap().plan.as_str(), "standard");
    assert_eq!(identity(r#","plan":"gold""#).unwrap().plan.as_str(), "gold");
    assert_eq!(identity("").unwrap().user, None);
}

#[test]
fn a_key_may_use_what_tenant_plan_and_key_all_allow() {
    for (of_key, allowed) in [
        ("", &["gpt-4.1", "gpt-4.1-mini", "fast"][..]),
        (r#","plan":"silver""#, &["gpt-4.1", "gpt-4.1-mini", "fast"]),
        (r#","plan":"gold""#, &["gpt-4.1-mini"]),
        (r#","models":["fast","claude-*"]"#, &["fast"]),
        (r#","plan":"gold","models":["fast"]"#, &[]),
        (r#","models":[]"#, &[]),
    ] {
        let models = identity(of_key).unwrap().models;
        let all = ["gpt-4.1", "gpt-4.1-mini", "fast", "claude-x"];
        let found: Vec<&str> = all
            .into_iter()
            .filter(|model| models.allow(model))
            .collect();
        assert_eq!(found, allowed, "{of_key}");
    }
}

#[test]
fn a_key_ends_at_its_expiry() {
    assert!(identity(r#","expires":"2026-11-20T00:00:01Z""#).is_ok());
    for expires in [
        "2026-11-20T00:00:00Z",
        "2026-11-20T01:00:00+01:00",
        "1970-01-01T00:00:00Z",
    ] {
        let found = identity(&format!(r#","expires":"{expires}""#));
        assert_eq!(found, Err("key_expired".to_owned()), "{expires}");
    }
}

#[test]
fn two_keys_of_one_tenant_are_valid_at_once() {
    let config = config("", "").replace(
        r#""keys":{"#,
        r#""keys":{"new":{"tenant":"team-a",
            "sha256":"fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"},"#,
    );
    let auth = auth(&config);
    for key in ["Bearer foo", "Bearer bar"] {
        let (found, _) = outcome(&auth, &mut chat(&[("authorization", key)]), TestHost::new());
        assert_eq!(found.as_deref(), Ok("team-a"), "{key}");
    }
}

#[test]
fn a_key_in_the_query_counts_only_where_it_is_listed() {
    for (sources, wanted) in [
        ("", Err("no_credential".to_owned())),
        (r#","sources":["apiKey"]"#, Err("no_credential".to_owned())),
        (r#","sources":["queryKey"]"#, Ok("team-a".to_owned())),
    ] {
        let auth = auth(&config("", sources));
        let mut headers = request("POST", "/v1/chat/completions?key=foo", &[]);
        assert_eq!(
            outcome(&auth, &mut headers, TestHost::new()).0,
            wanted,
            "{sources}"
        );
        assert_eq!(
            headers.text(":path").as_deref(),
            Some("/v1/chat/completions")
        );
    }
}
