//! Workloads of the mesh.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::Identity;
use http_filter::ConnectionProperty;
use test_host::TestHost;

use super::{KEY, auth, chat, outcome};

const CONFIG: &str = r#"{
    "hosts": { "gateway": { "authority": "*", "sources": ["mesh", "apiKey"] } },
    "tenants": {
        "team-a": { "plan": "standard", "models": ["*"] },
        "team-b": { "plan": "standard", "models": ["*"] }
    },
    "keys": { "ci": { "tenant": "team-a",
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" } },
    "mesh": {
        "trustDomains": ["cluster.local"],
        "serviceAccounts": { "shared/bot": { "tenant": "team-b", "models": ["fast"] } },
        "namespaces": { "shared": { "tenant": "team-a", "plan": "gold" } }
    }
}"#;

fn peer(uri: &str) -> TestHost {
    TestHost::new().with_connection(ConnectionProperty::PeerUri, uri)
}

#[test]
fn a_service_account_comes_before_its_namespace() {
    let auth = auth(CONFIG);
    let bot = peer("spiffe://cluster.local/ns/shared/sa/bot");
    let (found, host) = outcome(&auth, &mut chat(&[]), bot);
    assert_eq!(found.as_deref(), Ok("team-b"));
    let identity = Identity::of(&host).unwrap();
    assert_eq!(identity.key.as_str(), "mesh");
    assert_eq!(identity.user.as_ref().unwrap().as_str(), "shared/bot");
    assert!(identity.models.allow("fast") && !identity.models.allow("slow"));
    let other = peer("spiffe://cluster.local/ns/shared/sa/other");
    let (found, host) = outcome(&auth, &mut chat(&[]), other);
    assert_eq!(found.as_deref(), Ok("team-a"));
    let identity = Identity::of(&host).unwrap();
    assert_eq!(identity.plan.as_str(), "gold");
    assert_eq!(identity.user.unwrap().as_str(), "shared/other");
    let series = r#"ai_auth_total{credential="mesh",issuer="",outcome="accepted",reason=""}"#;
    assert_eq!(host.counter(series), 1);
}

#[test]
fn a_workload_that_is_not_mapped_is_nobody() {
    for (uri, reason) in [
        ("spiffe://cluster.local/ns/other/sa/bot", "peer_unknown"),
        (
            "spiffe://other.mesh/ns/shared/sa/bot",
            "trust_domain_unknown",
        ),
        ("spiffe://cluster.local/shared/bot", "peer_malformed"),
    ] {
        let (found, _) = outcome(&auth(CONFIG), &mut chat(&[]), peer(uri));
        assert_eq!(found, Err(reason.to_owned()), "{uri}");
        // It may still send a key.
        let (found, _) = outcome(&auth(CONFIG), &mut chat(&[KEY]), peer(uri));
        assert_eq!(found.as_deref(), Ok("team-a"), "{uri}");
    }
}

#[test]
fn without_any_workload_in_the_configuration_nobody_is_let_in() {
    let auth = auth(
        r#"{
            "hosts": { "mesh": { "authority": "*", "sources": ["mesh"] } },
            "mesh": { "trustDomains": ["cluster.local"] }
        }"#,
    );
    for host in [
        peer("spiffe://cluster.local/ns/shared/sa/bot"),
        TestHost::new(),
    ] {
        let (found, _) = outcome(&auth, &mut chat(&[KEY]), host);
        assert!(found.is_err(), "{found:?}");
    }
}

#[test]
fn a_workload_and_a_key_of_different_tenants_are_refused() {
    let bot = peer("spiffe://cluster.local/ns/shared/sa/bot");
    let (found, _) = outcome(&auth(CONFIG), &mut chat(&[KEY]), bot);
    assert_eq!(found, Err("credentials_disagree".to_owned()));
    let other = peer("spiffe://cluster.local/ns/shared/sa/other");
    let (found, host) = outcome(&auth(CONFIG), &mut chat(&[KEY]), other);
    assert_eq!(found.as_deref(), Ok("team-a"));
    assert_eq!(Identity::of(&host).unwrap().key.as_str(), "mesh");
}

#[test]
fn a_header_says_who_it_is_only_where_the_configuration_says_so() {
    let forwarded = (
        "x-forwarded-client-cert",
        "Hash=00;URI=spiffe://cluster.local/ns/shared/sa/bot",
    );
    let (found, _) = outcome(&auth(CONFIG), &mut chat(&[forwarded]), TestHost::new());
    assert_eq!(found, Err("no_credential".to_owned()));
    let by_header = auth(&CONFIG.replace(
        r#""trustDomains""#,
        r#""from":"forwardedClientCert","trustDomains""#,
    ));
    let (found, _) = outcome(&by_header, &mut chat(&[forwarded]), TestHost::new());
    assert_eq!(found.as_deref(), Ok("team-b"));
    let added = (forwarded.0, "URI=spiffe://cluster.local/ns/shared/sa/other");
    let (found, _) = outcome(&by_header, &mut chat(&[forwarded, added]), TestHost::new());
    assert_eq!(found, Err("peer_malformed".to_owned()));
    // The connection's own certificate is then nobody's.
    let bot = peer("spiffe://cluster.local/ns/shared/sa/bot");
    let (found, _) = outcome(&by_header, &mut chat(&[]), bot);
    assert_eq!(found, Err("no_credential".to_owned()));
}
