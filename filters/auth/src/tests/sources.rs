//! Several credentials on one request: which count, and what follows.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use test_host::{TestHeaders, TestHost};

use super::{KEY, auth, chat, outcome};

const CONFIG: &str = r#"{
    "hosts": { "gateway": { "authority": "*" } },
    "tenants": {
        "team-a": { "plan": "standard", "models": ["*"] },
        "team-b": { "plan": "standard", "models": ["*"] }
    },
    "keys": {
        "foo": { "tenant": "team-a",
            "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" },
        "bar": { "tenant": "team-b",
            "sha256": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9" },
        "old": { "tenant": "team-a", "expires": "2020-01-01T00:00:00Z",
            "sha256": "baa5a0964d3320fbc0c6a922140453c8513ea24ab8fd0577034804a967248096" }
    }
}"#;

fn found(headers: &[(&str, &str)]) -> Result<String, String> {
    outcome(&auth(CONFIG), &mut chat(headers), TestHost::new()).0
}

/// The table of `verdict.rs`, for keys.
#[test]
fn what_several_keys_say_follows_the_table() {
    for (headers, wanted) in [
        (&[][..], Err("no_credential")),
        (&[("x-api-key", "theirs")], Err("unknown_key")),
        (&[("x-api-key", "baz")], Err("key_expired")),
        (&[("x-api-key", "foo")], Ok("team-a")),
        (&[("x-api-key", "foo"), ("api-key", "theirs")], Ok("team-a")),
        (&[("x-api-key", "foo"), ("api-key", "foo")], Ok("team-a")),
        (
            &[("x-api-key", "foo"), ("api-key", "bar")],
            Err("credentials_disagree"),
        ),
        (
            &[("x-api-key", "foo"), ("api-key", "baz")],
            Err("key_expired"),
        ),
        (
            &[("x-api-key", "theirs"), ("api-key", "baz")],
            Err("key_expired"),
        ),
        (
            &[("x-api-key", "foo"), ("x-api-key", "foo")],
            Err("unknown_key"),
        ),
    ] {
        let wanted = wanted.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found(headers), wanted, "{headers:?}");
    }
}

#[test]
fn only_credentials_of_ours_are_taken_out() {
    let theirs = [
        ("authorization", "AWS4-HMAC-SHA256 Credential=x"),
        ("x-goog-api-key", "theirs"),
        ("x-amz-security-token", "theirs"),
    ];
    let mut headers = chat(&[&theirs[..], &[("x-api-key", "foo"), ("api-key", "foo")]].concat());
    let (found, _) = outcome(&auth(CONFIG), &mut headers, TestHost::new());
    assert_eq!(found.as_deref(), Ok("team-a"));
    assert_eq!(headers, chat(&theirs));
}

#[test]
fn a_host_of_another_port_takes_no_credential() {
    let config = CONFIG.replace(
        r#""authority": "*""#,
        r#""authority": "*", "ports": [8443]"#,
    );
    let host = |port| {
        TestHost::new().with_connection(http_filter::ConnectionProperty::DestinationPort, port)
    };
    let on = |port| outcome(&auth(&config), &mut chat(&[KEY]), host(port)).0;
    assert_eq!(on("8443").as_deref(), Ok("team-a"));
    assert_eq!(on("8080"), Err("no_credential".to_owned()));
}

#[cfg(not(target_arch = "wasm32"))]
mod in_any_order {
    use proptest::prelude::*;

    use super::{CONFIG, TestHeaders, TestHost, auth, chat, outcome};

    fn credential() -> impl Strategy<Value = (&'static str, &'static str)> {
        let name = prop::sample::select(vec![
            "authorization",
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "cookie",
        ]);
        let value = prop::sample::select(vec![
            "foo",
            "bar",
            "baz",
            "theirs",
            "",
            "Bearer foo",
            "Bearer bar",
            "Bearer baz",
            "Bearer eyJ.e30.x",
        ]);
        (name, value)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn the_verdict_is_the_same(
            (one, other) in prop::collection::vec(credential(), 0..6)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
        ) {
            // Values of one name have an order that means something to HTTP.
            let names = |all: &[(&'static str, &str)]| {
                let mut names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
                names.sort_unstable();
                names
            };
            let mut unique = names(&one);
            unique.dedup();
            prop_assume!(unique.len() == one.len());
            let auth = auth(CONFIG);
            let judge = |all: &[(&str, &str)]| {
                let mut headers: TestHeaders = chat(all);
                let found = outcome(&auth, &mut headers, TestHost::new()).0;
                headers.0.sort();
                (found, headers)
            };
            prop_assert_eq!(judge(&one), judge(&other));
        }
    }
}
