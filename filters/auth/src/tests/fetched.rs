//! Keys and key lists that are fetched: what a request waits for, and for how long.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use http_filter::{CallId, Filter, Headers, SECOND, WorkerEvent};
use test_host::{Exchange, Outcome, TestAnswer, TestHeaders, TestHost};

use super::tokens::{JWKS, proxy, token};
use super::{auth, chat, now};
use crate::{Auth, AuthStream};

fn config(more: &str) -> String {
    format!(
        r#"{{"hosts":{{"gateway":{{"authority":"*"}}}},
        "tenants":{{"team-a":{{"plan":"standard","models":["*"]}}}},
        "issuers":{{"keycloak":{{"issuer":"https://sso.example.com","audiences":["ai-gateway"],
            "tenant":"team-a","jwks":{{"cluster":"sso","authority":"sso.example.com","path":"/certs",
            "refreshSeconds":100,"refetchSeconds":10,"keepSeconds":1000}}}}}}{more}}}"#
    )
}

/// One worker with its filter, and the time since the start in seconds.
struct TestWorker {
    auth: Auth,
    host: TestHost,
    seconds: u64,
}

impl TestWorker {
    fn new(config: &str) -> Self {
        let mut worker = Self {
            auth: auth(config),
            host: TestHost::new(),
            seconds: 0,
        };
        worker.tick();
        worker
    }

    fn handle(&mut self, event: WorkerEvent<'_>) {
        let now = now().plus(self.seconds * SECOND);
        self.auth.handle(now, event, &mut self.host);
    }

    fn tick(&mut self) {
        self.handle(WorkerEvent::Tick);
    }

    /// The last call is answered.
    fn answered(&mut self, body: &str) {
        let answer = TestAnswer {
            headers: TestHeaders::new(&[(":status", "200")]),
            body: body.as_bytes().to_vec(),
        };
        self.handle(WorkerEvent::CallAnswered {
            call: self.last_call(),
            answer: Some(&answer),
        });
    }

    fn failed(&mut self) {
        self.handle(WorkerEvent::CallAnswered {
            call: self.last_call(),
            answer: None,
        });
    }

    fn last_call(&self) -> CallId {
        CallId(u32::try_from(self.host.calls.len()).unwrap())
    }

    fn request(&self, key: &str) -> Request {
        self.request_of(key, "100")
    }

    /// A request with a body of so many bytes.
    fn request_of(&self, key: &str, length: &str) -> Request {
        let headers = chat(&[("x-api-key", key), ("content-length", length)]);
        self.request_with(headers, proxy(true))
    }

    fn request_with(&self, mut headers: TestHeaders, host: TestHost) -> Request {
        let now = now().plus(self.seconds * SECOND);
        let mut exchange = Exchange::new(self.auth.open(), host, now);
        let last = exchange.request_headers(&mut headers, false);
        Request {
            headers,
            exchange,
            last,
        }
    }

    /// Why a request is refused that must not wait, if it is.
    fn refused(&self, key: &str) -> Option<(u16, &'static str)> {
        refusal(&self.request(key).last)
    }
}

struct Request {
    headers: TestHeaders,
    exchange: Exchange<AuthStream>,
    last: Outcome,
}

impl Request {
    fn waits(&self) -> bool {
        self.last == Outcome::Awaits
    }

    /// The worker wakes it some seconds after it came.
    fn woken_after(&mut self, seconds: u64) {
        self.exchange.now = self.exchange.now.plus(seconds * SECOND);
        self.last = self.exchange.woken(&mut self.headers);
    }
}

fn refusal(outcome: &Outcome) -> Option<(u16, &'static str)> {
    match outcome {
        Outcome::Replied(reply) => Some((reply.status(), reply.details())),
        Outcome::Passed(_) => None,
        other => panic!("it should be decided: {other:?}"),
    }
}

fn jwks() -> String {
    JWKS.replace('\\', "")
}

fn jwks_of(kid: &str) -> String {
    jwks().replace("\"one\"", &format!("\"{kid}\""))
}

#[test]
fn a_token_that_comes_before_its_keys_waits_for_them() {
    let mut worker = TestWorker::new(&config(""));
    assert_eq!(worker.host.calls.len(), 1);
    let mut request = worker.request(&token(""));
    assert!(request.waits());
    worker.answered(&jwks());
    assert_eq!(worker.host.wakes, 1);
    request.woken_after(0);
    assert_eq!(refusal(&request.last), None);
    assert_eq!(request.headers, chat(&[("content-length", "100")]));
    assert_eq!(worker.refused(&token("")), None);
}

#[test]
fn where_keys_do_not_come_it_is_503_and_worth_a_retry() {
    let mut worker = TestWorker::new(&config(""));
    let mut request = worker.request(&token(""));
    worker.failed();
    assert_eq!(worker.host.wakes, 1);
    request.woken_after(0);
    assert_eq!(refusal(&request.last), Some((503, "keys_missing")));
    let Outcome::Replied(reply) = &request.last else {
        panic!("it should be refused")
    };
    let mut headers = reply.headers().iter();
    assert!(headers.any(|(name, _)| *name == "retry-after"));
    // Fetches fail: the next one isn't held up at all.
    assert_eq!(worker.refused(&token("")), Some((503, "keys_missing")));
}

#[test]
fn nobody_waits_beyond_the_time_in_which_it_is_decided() {
    let worker = TestWorker::new(&config(""));
    let mut request = worker.request(&token(""));
    request.woken_after(1);
    assert!(request.waits());
    request.woken_after(60);
    assert_eq!(refusal(&request.last), Some((503, "keys_missing")));
}

#[test]
fn an_unknown_key_is_asked_for_and_where_fresh_keys_lack_it_it_is_401() {
    let mut worker = TestWorker::new(&config(""));
    worker.answered(&jwks_of("two"));
    // Those keys are fresh.
    assert_eq!(worker.refused(&token("")), Some((401, "key_unknown")));
    worker.seconds = 11;
    let (mut lucky, mut other) = (
        worker.request(&token("")),
        worker.request(&token(r#","jti":"2""#)),
    );
    assert!(lucky.waits() && other.waits());
    worker.tick();
    assert_eq!(worker.host.calls.len(), 2);
    worker.answered(&jwks_of("three"));
    other.woken_after(0);
    assert_eq!(refusal(&other.last), Some((401, "key_unknown")));
    // One that is woken later profits from what came since.
    worker.seconds = 22;
    assert!(worker.request(&token("")).waits());
    worker.tick();
    worker.answered(&jwks());
    lucky.woken_after(11);
    assert_eq!(refusal(&lucky.last), None);
}

#[test]
fn a_token_of_a_key_that_was_removed_stops_at_once() {
    let mut worker = TestWorker::new(&config(""));
    worker.answered(&jwks());
    assert_eq!(worker.refused(&token("")), None);
    worker.seconds = 95;
    worker.tick();
    worker.answered(&jwks_of("two"));
    assert_eq!(worker.refused(&token("")), Some((401, "key_unknown")));
}

#[test]
fn so_many_wait_and_no_more() {
    let worker = TestWorker::new(&config(""));
    let waiting: Vec<Request> = (0..256)
        .map(|number| worker.request(&token(&format!(r#","jti":"{number}""#))))
        .collect();
    assert!(waiting.iter().all(Request::waits));
    assert_eq!(worker.refused(&token("")), Some((503, "too_many_waiting")));
    drop(waiting);
    assert!(worker.request(&token("")).waits());
}

#[test]
fn a_few_long_bodies_wait_and_those_whose_length_nobody_knows() {
    for length in ["8000000", "", "x", "-1", "99999999999999999999"] {
        let worker = TestWorker::new(&config(""));
        let waiting: Vec<Request> = (0..16)
            .map(|number| worker.request_of(&token(&format!(r#","jti":"{number}""#)), length))
            .collect();
        assert!(waiting.iter().all(Request::waits), "{length}");
        let one_more = worker.request_of(&token(""), length);
        assert_eq!(refusal(&one_more.last), Some((503, "too_many_waiting")));
    }
}

#[test]
fn a_token_of_an_unknown_key_is_checked_once_and_newer_keys_are_asked_for_each_time() {
    let mut worker = TestWorker::new(&config(r#","signatures":{"perSecond":1}"#));
    worker.answered(&jwks().replace(r#""kid":"one","#, ""));
    let ask = |worker: &TestWorker| {
        let headers = chat(&[("x-api-key", &token(""))]);
        worker.request_with(headers, proxy(false))
    };
    for _ in 0..3 {
        assert_eq!(refusal(&ask(&worker).last), Some((401, "key_unknown")));
    }
    worker.seconds = 11;
    let mut waiting: Vec<Request> = (0..3).map(|_| ask(&worker)).collect();
    assert!(waiting.iter().all(Request::waits));
    for _ in 0..3 {
        waiting.iter_mut().for_each(|one| one.woken_after(0));
        assert!(waiting.iter().all(Request::waits));
    }
}

#[test]
fn while_newer_keys_can_not_be_had_an_unknown_one_is_503_and_worth_a_retry() {
    let mut worker = TestWorker::new(&config(""));
    worker.answered(&jwks_of("two"));
    worker.seconds = 11;
    let mut early = worker.request(&token(""));
    assert!(early.waits());
    worker.tick();
    worker.failed();
    early.woken_after(6);
    assert_eq!(refusal(&early.last), Some((503, "key_unknown")));
    // Once keys come, and it isn't among them, it is nobody's.
    worker.seconds = 40;
    let mut late = worker.request(&token(""));
    assert!(late.waits());
    worker.tick();
    worker.answered(&jwks_of("three"));
    late.woken_after(0);
    assert_eq!(refusal(&late.last), Some((401, "key_unknown")));
}

#[test]
fn an_unknown_key_is_asked_for_where_a_key_without_a_name_has_not_signed() {
    let mut worker = TestWorker::new(&config(""));
    let nameless = jwks().replace(r#""kid":"one","#, "");
    assert!(!nameless.contains("kid"));
    worker.answered(&nameless);
    let headers = || chat(&[("x-api-key", &token(""))]);
    let forged = worker.request_with(headers(), proxy(false));
    assert_eq!(refusal(&forged.last), Some((401, "key_unknown")));
    worker.seconds = 11;
    let mut early = worker.request_with(headers(), proxy(false));
    assert!(early.waits());
    worker.tick();
    worker.answered(&jwks());
    early.exchange.host.signatures = Some(true);
    early.woken_after(0);
    assert_eq!(refusal(&early.last), None);
}

/// Only watches; `foo` is a key of team-a.
fn watching() -> TestWorker {
    let config = config(
        r#","mode":"shadow","shadow":{"tenant":"newcomers"},"keys":{"ci":{"tenant":"team-a",
        "sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}}"#,
    );
    let newcomers = r#""tenants":{"newcomers":{"plan":"trial","models":[]},"#;
    TestWorker::new(&config.replacen(r#""tenants":{"#, newcomers, 1))
}

#[test]
fn who_only_watches_makes_nobody_wait_and_hands_no_credential_on() {
    let worker = watching();
    let request = worker.request(&token(""));
    assert_eq!(refusal(&request.last), None);
    assert_eq!(request.headers, chat(&[("content-length", "100")]));
    let facts = request.exchange.host;
    assert_eq!(facts.fact_text("ai.tenant").as_deref(), Some("newcomers"));
    assert_eq!(
        facts.fact_text("ai.shadowed").as_deref(),
        Some("keys_missing")
    );
}

#[test]
fn who_only_watches_knows_a_caller_by_what_needs_no_keys() {
    let bearer = format!("Bearer {}", token(""));
    let both = chat(&[("authorization", &bearer), ("x-api-key", "foo")]);
    let request = watching().request_with(both, proxy(true));
    assert_eq!(refusal(&request.last), None);
    assert_eq!(request.headers, chat(&[]));
    let facts = request.exchange.host;
    assert_eq!(facts.fact_text("ai.tenant").as_deref(), Some("team-a"));
    assert_eq!(facts.fact_text("ai.shadowed"), None);
}

#[test]
fn a_key_of_a_list_counts_while_it_stands_there() {
    let config = format!(
        r#"{{"hosts":{{"gateway":{{"authority":"*"}}}},
        "tenants":{{"team-a":{{"plan":"standard","models":["*"]}}}}{KEY_LISTS}}}"#
    );
    let mut worker = TestWorker::new(&config);
    let mut request = worker.request("foo");
    assert!(request.waits());
    worker.answered(
        r#"{"version":1,"keys":{"ci":{"tenant":"team-a",
        "sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}}}"#,
    );
    request.woken_after(0);
    assert_eq!(refusal(&request.last), None);
    assert_eq!(worker.refused("bar"), Some((401, "unknown_key")));
    worker.seconds = 10;
    worker.tick();
    worker.answered(r#"{"version":1,"keys":{}}"#);
    assert_eq!(worker.refused("foo"), Some((401, "unknown_key")));
    // Without a fetch that succeeds the list is given up, and nobody can say whose a key is.
    worker.seconds = 400;
    worker.tick();
    worker.failed();
    assert_eq!(worker.refused("foo"), Some((503, "key_list_missing")));
}

const KEY_LISTS: &str =
    r#","keyLists":{"issued":{"cluster":"keys","authority":"keys","path":"/keys.json"}}"#;

#[test]
fn a_list_that_is_away_keeps_nobody_out_who_is_known_without_it() {
    let config = config(KEY_LISTS).replacen(
        r#""cluster":"sso","authority":"sso.example.com","path":"/certs",
            "refreshSeconds":100,"refetchSeconds":10,"keepSeconds":1000"#,
        &format!(r#""inline":"{JWKS}""#),
        1,
    );
    let mut worker = TestWorker::new(&config);
    let both = |worker: &TestWorker| {
        let token = token("");
        let mut headers = chat(&[
            ("authorization", &format!("Bearer {token}")),
            ("x-api-key", "theirs"),
        ]);
        let now = now().plus(worker.seconds * SECOND);
        let mut exchange = Exchange::new(worker.auth.open(), proxy(true), now);
        let outcome = exchange.request_headers(&mut headers, false);
        assert_eq!(headers.get("x-api-key"), None);
        refusal(&outcome)
    };
    // Not while it comes, and not when it doesn't.
    assert_eq!(both(&worker), None);
    assert!(worker.request("theirs").waits());
    worker.failed();
    assert_eq!(both(&worker), None);
    assert_eq!(worker.refused("theirs"), Some((503, "key_list_missing")));
}

#[test]
fn a_key_that_has_expired_in_one_place_counts_where_it_was_renewed() {
    let key = |expires| {
        format!(
            r#""keys":{{"ci":{{"tenant":"team-a","expires":"{expires}",
            "sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}}}}"#
        )
    };
    let config = format!(
        r#"{{"hosts":{{"gateway":{{"authority":"*"}}}},{},
        "tenants":{{"team-a":{{"plan":"standard","models":["*"]}}}}{KEY_LISTS}}}"#,
        key("2001-01-01T00:00:00Z")
    );
    let mut worker = TestWorker::new(&config);
    worker.answered(r#"{"version":1,"keys":{}}"#);
    assert_eq!(worker.refused("foo"), Some((401, "key_expired")));
    worker.seconds = 10;
    worker.tick();
    worker.answered(&format!(
        r#"{{"version":1,{}}}"#,
        key("2999-01-01T00:00:00Z")
    ));
    assert_eq!(worker.refused("foo"), None);
}
