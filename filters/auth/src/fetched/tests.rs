//! One document and its workers, on one scripted proxy.

#[cfg(not(target_arch = "wasm32"))]
mod interleaved;
mod shared_data;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::Name;
use http_filter::{CallId, SECOND, Time};
use test_host::{TestAnswer, TestHeaders, TestHost};

use super::{Change, Current, Fetched, Kind, SealingKey, Source, Wanted, WrittenSource};

/// Documents are texts that begin with `good`.
type Document = String;

fn source() -> Source {
    let json = br#"{
        "cluster": "c", "authority": "a", "path": "/p",
        "refreshSeconds": 100, "refetchSeconds": 10, "keepSeconds": 1000,
        "timeoutMilliseconds": 2000
    }"#;
    let written: WrittenSource = http_filter::parse(json).unwrap();
    written.read(Kind::Jwks, Name::new("k").unwrap()).unwrap()
}

fn key() -> SealingKey {
    SealingKey::new(&[7; 32]).unwrap()
}

fn read(bytes: &[u8]) -> Result<Document, String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match text.starts_with("good") {
        true => Ok(text),
        false => Err("it does not begin with good".to_owned()),
    }
}

fn sharing() -> Fetched<Document> {
    Fetched::new(source(), Some(&key()), Box::new(read))
}

fn alone() -> Fetched<Document> {
    Fetched::new(source(), None, Box::new(read))
}

fn at(seconds: u64) -> Time {
    Time::from_nanoseconds((1_000_000 + seconds) * SECOND)
}

fn answer(status: &str, body: &str) -> TestAnswer {
    TestAnswer {
        headers: TestHeaders::new(&[(":status", status)]),
        body: body.as_bytes().to_vec(),
    }
}

/// The last call that was made on this host.
fn last_call(host: &TestHost) -> CallId {
    CallId(u32::try_from(host.calls.len()).unwrap())
}

/// The answer to the last call on this host.
fn ok(
    fetched: &mut Fetched<Document>,
    now: Time,
    body: &str,
    host: &mut TestHost,
) -> Option<Change> {
    fetched.answered(now, last_call(host), Some(&answer("200", body)), host)
}

fn failed(fetched: &mut Fetched<Document>, now: Time, host: &mut TestHost) -> Option<Change> {
    fetched.answered(now, last_call(host), None, host)
}

fn in_use(fetched: &Fetched<Document>, now: Time) -> Option<&str> {
    match fetched.current(now) {
        Current::Usable { document, .. } => Some(document),
        Current::Missing | Current::Expired => None,
    }
}

/// Ticks each second from one to another, until a call is made; the second of it.
fn ticks_until_call(
    fetched: &mut Fetched<Document>,
    mut seconds: std::ops::Range<u64>,
    host: &mut TestHost,
) -> Option<u64> {
    let before = host.calls.len();
    seconds.find(|second| {
        let _ = fetched.tick(at(*second), host);
        host.calls.len() > before
    })
}

fn fetches(reason: &str, host: &TestHost) -> u64 {
    host.counter(&format!(
        r#"ai_auth_fetches_total{{document="jwks.k",reason="{reason}"}}"#
    ))
}

#[test]
fn the_first_tick_fetches_and_the_answer_is_used() {
    for mut fetched in [sharing(), alone()] {
        let mut host = TestHost::new();
        assert_eq!(fetched.current(at(0)), Current::Missing);
        assert_eq!(fetched.tick(at(0), &mut host), Change::Nothing);
        assert_eq!(host.calls.len(), 1);
        assert_eq!(fetched.tick(at(1), &mut host), Change::Nothing);
        assert_eq!(host.calls.len(), 1, "one fetch at a time");
        let change = ok(&mut fetched, at(1), "good 1", &mut host);
        assert_eq!(change, Some(Change::Replaced));
        let document = &"good 1".to_owned();
        let edition = 1;
        assert_eq!(
            fetched.current(at(1)),
            Current::Usable { document, edition }
        );
        assert_eq!(fetches("replaced", &host), 1);
    }
}

#[test]
fn an_answer_to_somebody_else_s_call_is_left_alone() {
    let (mut host, mut fetched) = (TestHost::new(), sharing());
    let _ = fetched.tick(at(0), &mut host);
    let other = fetched.answered(at(1), CallId(7), Some(&answer("200", "good")), &mut host);
    assert_eq!(other, None);
    assert_eq!(in_use(&fetched, at(1)), None);
}

#[test]
fn the_next_fetch_comes_ahead_of_time() {
    for mut fetched in [sharing(), alone()] {
        let mut host = TestHost::new();
        let _ = fetched.tick(at(0), &mut host);
        let _ = ok(&mut fetched, at(2), "good 1", &mut host);
        let again = ticks_until_call(&mut fetched, 2..200, &mut host).unwrap();
        assert!((80..=90).contains(&again), "{again}");
        let change = ok(&mut fetched, at(again + 1), "good 1", &mut host);
        assert_eq!(change, Some(Change::Nothing), "the same document");
        assert_eq!(fetches("unchanged", &host), 1);
        let third = ticks_until_call(&mut fetched, again..400, &mut host).unwrap();
        assert!((80..=90).contains(&(third - again)), "{third}");
        let change = ok(&mut fetched, at(third), "good 2", &mut host);
        assert_eq!(change, Some(Change::Replaced));
        let document = &"good 2".to_owned();
        let edition = 2;
        assert_eq!(
            fetched.current(at(third)),
            Current::Usable { document, edition }
        );
    }
}

#[test]
fn a_failed_fetch_is_tried_again_after_pauses_that_grow() {
    for mut fetched in [sharing(), alone()] {
        let mut host = TestHost::new();
        let _ = fetched.tick(at(0), &mut host);
        let mut pauses = Vec::new();
        let mut now = 0;
        for _ in 0..9 {
            let change = failed(&mut fetched, at(now), &mut host);
            assert_eq!(change, Some(Change::Nothing));
            let again = ticks_until_call(&mut fetched, now..now + 100, &mut host).unwrap();
            pauses.push(again - now);
            now = again;
        }
        assert!(pauses[0] <= 1, "{pauses:?}");
        assert!(pauses[3] >= 4, "{pauses:?}");
        assert!(pauses[6..].iter().all(|pause| (15..=30).contains(pause)));
        let _ = ok(&mut fetched, at(now), "good", &mut host);
        assert_eq!(in_use(&fetched, at(now)), Some("good"));
        assert_eq!(fetches("no_answer", &host), 9);
    }
}

#[test]
fn whatever_is_no_good_document_counts_as_a_failed_fetch() {
    let huge = "good".repeat(100_000);
    for (status, body, reason) in [
        ("500", "good", "status"),
        ("302", "good", "status"),
        ("204", "", "status"),
        ("200", "", "malformed"),
        ("200", "<html>", "malformed"),
        ("200", huge.as_str(), "too_large"),
    ] {
        let (mut host, mut fetched) = (TestHost::new(), sharing());
        let _ = fetched.tick(at(0), &mut host);
        let _ = ok(&mut fetched, at(0), "good 1", &mut host);
        let again = ticks_until_call(&mut fetched, 1..200, &mut host).unwrap();
        let answer = answer(status, body);
        let change = fetched.answered(at(again), last_call(&host), Some(&answer), &mut host);
        assert_eq!(change, Some(Change::Nothing));
        assert_eq!(in_use(&fetched, at(again)), Some("good 1"), "{status}");
        assert_eq!(fetches(reason, &host), 1, "{status}");
        let retry = ticks_until_call(&mut fetched, again..again + 10, &mut host);
        assert!(retry.is_some_and(|retry| retry <= again + 1));
    }
}

#[test]
fn a_504_at_the_time_limit_is_the_proxys_own_and_an_earlier_one_the_endpoints() {
    for (milliseconds, reason) in [(0, "status"), (1990, "status"), (2000, "timeout")] {
        let (mut host, mut fetched) = (TestHost::new(), sharing());
        let _ = fetched.tick(at(0), &mut host);
        let then = at(0).plus(milliseconds * SECOND / 1000);
        let answer = answer("504", "upstream request timeout");
        let change = fetched.answered(then, last_call(&host), Some(&answer), &mut host);
        assert_eq!(change, Some(Change::Nothing));
        assert_eq!(fetches(reason, &host), 1, "after {milliseconds} ms");
    }
}

#[test]
fn the_last_good_document_is_kept_for_a_time_and_then_given_up() {
    for mut fetched in [sharing(), alone()] {
        let mut host = TestHost::new();
        let _ = fetched.tick(at(0), &mut host);
        let _ = ok(&mut fetched, at(2), "good 1", &mut host);
        let mut now = 2;
        while let Some(again) = ticks_until_call(&mut fetched, now..990, &mut host) {
            let _ = failed(&mut fetched, at(again), &mut host);
            now = again;
        }
        assert_eq!(in_use(&fetched, at(999)), Some("good 1"));
        assert_eq!(fetched.current(at(1000)), Current::Expired);
        let _ = fetched.tick(at(1001), &mut host);
        let _ = fetched.tick(at(1002), &mut host);
        let expired = r#"ai_auth_documents_expired_total{document="jwks.k"}"#;
        assert_eq!(host.counter(expired), 1);
        let again = ticks_until_call(&mut fetched, 1002..1040, &mut host).unwrap();
        let _ = ok(&mut fetched, at(again), "good 1", &mut host);
        assert_eq!(in_use(&fetched, at(again)), Some("good 1"));
        assert!(host.calls.len() < 60, "{}", host.calls.len());
    }
}

#[test]
fn who_has_no_document_yet_waits_for_the_first_fetch() {
    for mut fetched in [sharing(), alone()] {
        let mut host = TestHost::new();
        let Wanted::Wait { until } = fetched.want_fresh(at(0)) else {
            panic!("a fetch begins with the next tick")
        };
        assert!(until >= at(2), "as long as a fetch may take");
        let _ = fetched.tick(at(0), &mut host);
        assert!(matches!(fetched.want_fresh(at(1)), Wanted::Wait { .. }));
        let change = failed(&mut fetched, at(1), &mut host);
        assert_eq!(change, Some(Change::Settled), "it was in vain");
        assert_eq!(fetched.want_fresh(at(1)), Wanted::No);
    }
}

#[test]
fn a_question_brings_a_fetch_forward_but_not_too_often() {
    for mut fetched in [sharing(), alone()] {
        let mut host = TestHost::new();
        let _ = fetched.tick(at(0), &mut host);
        let _ = ok(&mut fetched, at(0), "good 1", &mut host);
        assert_eq!(fetched.want_fresh(at(9)), Wanted::No);
        assert_eq!(ticks_until_call(&mut fetched, 9..60, &mut host), None);
        assert!(matches!(fetched.want_fresh(at(60)), Wanted::Wait { .. }));
        assert_eq!(ticks_until_call(&mut fetched, 60..61, &mut host), Some(60));
        let change = ok(&mut fetched, at(61), "good 1", &mut host);
        assert_eq!(change, Some(Change::Settled));
        assert_eq!(fetched.want_fresh(at(61)), Wanted::No);
        assert!(matches!(fetched.want_fresh(at(70)), Wanted::Wait { .. }));
        assert_eq!(ticks_until_call(&mut fetched, 70..71, &mut host), Some(70));
        let change = failed(&mut fetched, at(71), &mut host);
        assert_eq!(change, Some(Change::Settled));
        assert_eq!(
            ticks_until_call(&mut fetched, 71..130, &mut host),
            None,
            "only a document that is due is tried again"
        );
    }
}

#[test]
fn nobody_waits_longer_than_was_said() {
    let mut host = TestHost::new();
    let (mut fetched, mut other) = (sharing(), sharing());
    let _ = fetched.tick(at(0), &mut host);
    let _ = other.tick(at(0), &mut host);
    for worker in [&mut fetched, &mut other] {
        let Wanted::Wait { until } = worker.want_fresh(at(1)) else {
            panic!("somebody fetches")
        };
        assert!(until <= at(7));
    }
    assert_eq!(fetched.tick(at(3), &mut host), Change::Nothing);
    assert_eq!(other.tick(at(3), &mut host), Change::Nothing);
    // No answer ever comes.
    assert_eq!(fetched.tick(at(7), &mut host), Change::Settled);
    assert_eq!(other.tick(at(7), &mut host), Change::Settled);
    assert_eq!(fetches("no_answer", &host), 1);
}

#[test]
fn a_clock_that_steps_back_stops_nothing() {
    for mut fetched in [sharing(), alone()] {
        let mut host = TestHost::new();
        let _ = fetched.tick(at(100_000), &mut host);
        let _ = ok(&mut fetched, at(100_000), "good 1", &mut host);
        let again = ticks_until_call(&mut fetched, 0..200, &mut host).unwrap();
        assert!((80..=91).contains(&again), "{again}");
        let _ = failed(&mut fetched, at(0), &mut host);
        let again = ticks_until_call(&mut fetched, 0..200, &mut host).unwrap();
        assert!(again <= 2, "{again}");
        let _ = ok(&mut fetched, at(again), "good 2", &mut host);
        assert_eq!(in_use(&fetched, at(again)), Some("good 2"));
        let mut newcomer = sharing();
        let _ = newcomer.tick(at(again), &mut host);
    }
}

#[test]
fn a_document_is_kept_no_longer_because_the_clock_steps_back() {
    let (mut host, mut fetched) = (TestHost::new(), sharing());
    let _ = fetched.tick(at(5000), &mut host);
    let _ = ok(&mut fetched, at(5000), "good 1", &mut host);
    host.refuses_calls = true;
    for second in 5000..5500 {
        let _ = fetched.tick(at(second), &mut host);
    }
    for second in 0..500 {
        let _ = fetched.tick(at(second), &mut host);
    }
    assert_eq!(in_use(&fetched, at(499)), Some("good 1"));
    assert_eq!(fetched.current(at(502)), Current::Expired);
}

#[test]
fn a_proxy_that_takes_no_call_is_not_asked_at_each_tick() {
    for mut fetched in [sharing(), alone()] {
        let mut host = TestHost::new();
        host.refuses_calls = true;
        assert!(matches!(fetched.want_fresh(at(0)), Wanted::Wait { .. }));
        assert_eq!(fetched.tick(at(0), &mut host), Change::Settled);
        for second in 0..1000 {
            let _ = fetched.tick(at(second), &mut host);
        }
        let refused = fetches("call_refused", &host);
        assert!((30..90).contains(&refused), "{refused}");
        host.refuses_calls = false;
        let again = ticks_until_call(&mut fetched, 1000..1040, &mut host);
        assert!(again.is_some());
    }
}
