#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use http_filter::ConfigError;

use test_host::TestEnvironment;

use super::Config;

const DIGEST: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn error(json: &str) -> ConfigError {
    error_with(json, &TestEnvironment::default())
}

fn error_with(json: &str, environment: &TestEnvironment) -> ConfigError {
    match Config::parse(json.as_bytes(), environment) {
        Ok(_) => panic!("this configuration should be refused: {json}"),
        Err(error) => error,
    }
}

/// A configuration with one host, one tenant, and more.
fn with(more: &str) -> String {
    format!(
        r#"{{"hosts":{{"g":{{"authority":"*"}}}},"tenants":{{"a":{{"plan":"p","models":[]}}}},{more}}}"#
    )
}

fn key(name: &str, more: &str) -> String {
    format!(r#""{name}":{{"sha256":"{DIGEST}","tenant":"a"{more}}}"#)
}

#[test]
fn a_key_in_the_place_of_its_label_or_its_entry_is_not_shown() {
    for keys in [
        key("sk-aigw-SeCrEt", ""),
        r#""k":"sk-aigw-SeCrEt""#.to_owned(),
        r#""k":{"sha256":["sk-aigw-SeCrEt"]}"#.to_owned(),
    ] {
        let error = error(&with(&format!(r#""keys":{{{keys}}}"#)));
        assert!(error.field.starts_with("keys"), "{error}");
        assert!(!error.to_string().contains("SeCrEt"), "{error}");
    }
}

#[test]
fn a_mistake_in_hosts_is_named_by_its_field() {
    for (hosts, field) in [
        ("{}", "hosts"),
        (r#"{"g":{"authority":"a:80"}}"#, "hosts.g.authority"),
        (r#"{"g":{"authority":"*","port":1}}"#, "hosts.g.port"),
        (
            r#"{"g":{"authority":"*","ports":[70000]}}"#,
            "hosts.g.ports[0]",
        ),
        (r#"{"g":{"authority":"*","ports":[0]}}"#, "hosts.g.ports"),
        (r#"{"g":{"authority":"*","sources":[]}}"#, "hosts.g.sources"),
        (
            r#"{"g":{"authority":"*","sources":["key"]}}"#,
            "hosts.g.sources",
        ),
        (
            r#"{"g":{"authority":"*","sources":["apiKey","apiKey"]}}"#,
            "hosts.g.sources",
        ),
        (
            r#"{"g":{"authority":"*","sources":["mesh"]}}"#,
            "hosts.g.sources",
        ),
        (
            r#"{"g":{"authority":"*","sources":["jwt"]}}"#,
            "hosts.g.sources",
        ),
        (
            r#"{"g":{"authority":"A.b"},"h":{"authority":"a.b"}}"#,
            "hosts.h.authority",
        ),
        (
            r#"{"g":{"authority":"*","ports":[1,2]},"h":{"authority":"*","ports":[2]}}"#,
            "hosts.h.authority",
        ),
    ] {
        let json = format!(r#"{{"hosts":{hosts}}}"#);
        assert_eq!(error(&json).field, field, "{json}");
    }
}

#[test]
fn a_mistake_elsewhere_is_named_by_its_field() {
    for (json, field) in [
        ("{}".to_owned(), "."),
        (with(r#""mode":"off""#), "mode"),
        (with(r#""mode":"shadow""#), "shadow.tenant"),
        (with(r#""shadow":{"tenant":"b"}"#), "shadow.tenant"),
        (with(r#""plans":{"P":{}}"#), "plans.P"),
        (
            with(r#""keys":{"k":{"sha256":"12","tenant":"a"}}"#),
            "keys.k.sha256",
        ),
        (
            with(&format!(
                r#""keys":{{"k":{{"sha256":"{DIGEST}","tenant":"b"}}}}"#
            )),
            "keys.k.tenant",
        ),
        (
            with(&format!(r#""keys":{{{},{}}}"#, key("k", ""), key("l", ""))),
            "keys.l.sha256",
        ),
        (with(&format!(r#""keys":{{{}}}"#, key("K", ""))), "keys"),
        // What the logs call callers without an entry.
        (
            with(&format!(r#""keys":{{{}}}"#, key("mesh", ""))),
            "keys.mesh",
        ),
        (
            with(&format!(r#""keys":{{{}}}"#, key("shadow", ""))),
            "keys.shadow",
        ),
        (
            with(&format!(r#""keys":{{{}}}"#, key("k", r#","plan":"P""#))),
            "keys.k.plan",
        ),
        (
            with(&format!(
                r#""keys":{{{}}}"#,
                key("k", r#","expires":"2026-12-31""#)
            )),
            "keys.k.expires",
        ),
        (
            with(&format!(r#""keys":{{{}}}"#, key("k", r#","models":"x""#))),
            "keys.k.models",
        ),
        (
            with(r#""mesh":{"trustDomains":[],"namespaces":{"a":{"tenant":"a"}}}"#),
            "mesh.trustDomains",
        ),
        (
            with(r#""mesh":{"trustDomains":["a/b"],"namespaces":{"a":{"tenant":"a"}}}"#),
            "mesh.trustDomains",
        ),
        (
            with(r#""mesh":{"from":"header","trustDomains":["a"]}"#),
            "mesh.from",
        ),
        (
            with(r#""mesh":{"trustDomains":["a"],"namespaces":{"a/b":{"tenant":"a"}}}"#),
            "mesh.namespaces.a/b",
        ),
        (
            with(r#""mesh":{"trustDomains":["a"],"serviceAccounts":{"b":{"tenant":"a"}}}"#),
            "mesh.serviceAccounts.b",
        ),
        (
            with(r#""mesh":{"trustDomains":["a"],"serviceAccounts":{"b/c":{"tenant":"b"}}}"#),
            "mesh.serviceAccounts.b/c.tenant",
        ),
    ] {
        assert_eq!(error(&json).field, field, "{json}");
    }
    let plan = r#"{"hosts":{"g":{"authority":"*"}},"tenants":{"a":{"plan":"P","models":[]}}}"#;
    assert_eq!(error(plan).field, "tenants.a.plan");
}

#[test]
fn no_credential_at_all_is_a_configuration_that_lets_nobody_in() {
    let json = br#"{"hosts":{"g":{"authority":"*"}}}"#;
    assert!(Config::parse(json, &TestEnvironment::default()).is_ok());
}

/// An issuer with one member in place of another, or one more.
fn issuer(member: &str, value: &str) -> String {
    const JWKS: &str = r#"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"#;
    let mut members = std::collections::BTreeMap::from([
        ("issuer", r#""https://a""#.to_owned()),
        ("audiences", "[]".to_owned()),
        ("jwks", format!(r#"{{"inline":"{JWKS}"}}"#)),
        ("tenant", r#""a""#.to_owned()),
    ]);
    match value {
        "" => members.remove(member),
        value => members.insert(member, value.to_owned()),
    };
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!(r#""{name}":{value}"#))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn a_mistake_in_issuers_is_named_by_its_field() {
    for (member, value, field) in [
        ("issuer", "", "issuers.i"),
        ("issuer", r#""""#, "issuers.i.issuer"),
        ("audiences", "", "issuers.i"),
        ("audiences", r#"[""]"#, "issuers.i.audiences"),
        ("algorithms", "[]", "issuers.i.algorithms"),
        ("algorithms", r#"["none"]"#, "issuers.i.algorithms"),
        ("algorithms", r#"["RS256"]"#, "issuers.i.jwks.inline"),
        ("toleranceSeconds", "901", "issuers.i.toleranceSeconds"),
        ("toleranceSeconds", "-1", "issuers.i.toleranceSeconds"),
        ("maxLifetimeSeconds", "0", "issuers.i.maxLifetimeSeconds"),
        ("jwks", "{}", "issuers.i.jwks"),
        ("jwks", r#"{"cluster":"c"}"#, "issuers.i.jwks"),
        (
            "jwks",
            r#"{"cluster":"c","authority":"a","path":"p"}"#,
            "issuers.i.jwks.path",
        ),
        (
            "jwks",
            r#"{"cluster":"c","authority":"a","path":"/p","inline":"{}"}"#,
            "issuers.i.jwks",
        ),
        ("jwks", r#"{"inline":"{}"}"#, "issuers.i.jwks.inline"),
        (
            "jwks",
            r#"{"inline":"{\"keys\":[]}"}"#,
            "issuers.i.jwks.inline",
        ),
        ("tenant", "", "issuers.i.tenant"),
        ("tenant", r#""b""#, "issuers.i.tenant"),
        ("tenants", r#"{"x":"a"}"#, "issuers.i.tenants"),
        ("claims", r#"{"tenant":"t"}"#, "issuers.i.tenant"),
        ("claims", r#"{"plan":"p"}"#, "issuers.i.claims.plan"),
        ("claims", r#"{"user":"a..b"}"#, "issuers.i.claims.user"),
        ("claims", r#"{"role":"r"}"#, "issuers.i.claims.role"),
        ("mode", r#""shadow""#, "shadow.tenant"),
        ("mode", r#""off""#, "issuers.i.mode"),
    ] {
        let json = with(&format!(r#""issuers":{{"i":{}}}"#, issuer(member, value)));
        assert_eq!(error(&json).field, field, "{member}: {value}");
    }
    let mapped =
        issuer("tenant", "").replacen('{', r#"{"claims":{"tenant":"t"},"tenants":{"x":"b"},"#, 1);
    let mapped = with(&format!(r#""issuers":{{"i":{mapped}}}"#));
    assert_eq!(error(&mapped).field, "issuers.i.tenants.x");
    let one = issuer("tenant", r#""a""#);
    let two = with(&format!(r#""issuers":{{"i":{one},"j":{one}}}"#));
    assert_eq!(error(&two).field, "issuers.j.issuer");
    let upper = with(&format!(r#""issuers":{{"I":{one}}}"#));
    assert_eq!(error(&upper).field, "issuers.I");
    let shadow = with(&format!(r#""issuers":{{"shadow":{one}}}"#));
    assert_eq!(error(&shadow).field, "issuers.shadow");
}

#[test]
fn bounds_that_make_no_sense_are_named_by_their_field() {
    for (more, field) in [
        (r#""signatures":{"perSecond":0}"#, "signatures.perSecond"),
        (
            r#""signatures":{"perAddressPerSecond":0}"#,
            "signatures.perAddressPerSecond",
        ),
        (r#""verdicts":{"entries":0}"#, "verdicts.entries"),
    ] {
        assert_eq!(error(&with(more)).field, field, "{more}");
    }
}

#[test]
fn a_secret_in_the_environment_that_is_too_short_is_named() {
    let environment = |secret| TestEnvironment::new(&[("AI_GATEWAY_STATE_KEY", secret)]);
    let json = r#"{"hosts":{"g":{"authority":"*"}}}"#;
    let short = error_with(json, &environment("short"));
    assert_eq!(short.field, "AI_GATEWAY_STATE_KEY");
    for good in ["", &"x".repeat(44)] {
        assert!(Config::parse(json.as_bytes(), &environment(good)).is_ok());
    }
}

#[test]
fn a_secret_for_hs256_is_never_fetched() {
    let fetched = r#"{"cluster":"c","authority":"a","path":"/p"}"#;
    let issuer = issuer("jwks", fetched).replacen('{', r#"{"algorithms":["HS256"],"#, 1);
    let json = with(&format!(r#""issuers":{{"i":{issuer}}}"#));
    assert_eq!(error(&json).field, "issuers.i.jwks");
}
