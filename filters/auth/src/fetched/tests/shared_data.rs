//! What workers take from shared data, and what they don't.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::Name;
use http_filter::{Expected, SECOND, Worker as _};
use test_host::TestHost;

use super::{
    Change, Current, Document, Fetched, Kind, SealingKey, Wanted, WrittenSource, alone, answer, at,
    failed, fetches, in_use, key, last_call, ok, read, sharing, ticks_until_call,
};

/// The keys under which head and document stand.
fn keys(host: &TestHost) -> [String; 2] {
    let mut keys = host.shared.keys().rev().cloned();
    let keys = [keys.next().unwrap(), keys.next().unwrap()];
    assert!(keys[0].ends_with(".head") && keys[1].ends_with(".document"));
    keys
}

fn refused(reason: &str, host: &TestHost) -> u64 {
    host.counter(&format!(
        r#"ai_auth_shared_documents_refused_total{{document="jwks.k",reason="{reason}"}}"#
    ))
}

/// A proxy whose worker has fetched a document at second 0.
fn with_document(text: &str) -> (TestHost, Fetched<Document>) {
    let (mut host, mut fetched) = (TestHost::new(), sharing());
    let _ = fetched.tick(at(0), &mut host);
    let _ = ok(&mut fetched, at(0), text, &mut host);
    (host, fetched)
}

#[test]
fn one_worker_fetches_and_the_others_use_what_it_fetched() {
    let mut host = TestHost::new();
    let mut workers = [sharing(), sharing(), sharing()];
    for worker in &mut workers {
        let _ = worker.tick(at(0), &mut host);
    }
    assert_eq!(host.calls.len(), 1);
    let _ = ok(&mut workers[0], at(1), "good 1", &mut host);
    for worker in &mut workers[1..] {
        assert!(matches!(worker.want_fresh(at(1)), Wanted::Wait { .. }));
        assert_eq!(worker.tick(at(1), &mut host), Change::Replaced);
        assert_eq!(in_use(worker, at(1)), Some("good 1"));
    }
    assert_eq!(host.calls.len(), 1);
    assert_eq!(host.shared.len(), 2, "the key space is bounded");
    assert_eq!(fetches("replaced", &host), 1);
}

#[test]
fn a_question_to_any_worker_counts_for_all() {
    let (mut host, mut first) = with_document("good 1");
    let mut second = sharing();
    let _ = second.tick(at(1), &mut host);
    assert!(matches!(second.want_fresh(at(20)), Wanted::Wait { .. }));
    let _ = second.tick(at(20), &mut host);
    assert_eq!(host.calls.len(), 2);
    let _ = first.tick(at(20), &mut host);
    assert!(matches!(first.want_fresh(at(20)), Wanted::Wait { .. }));
    let change = ok(&mut second, at(21), "good 1", &mut host);
    assert_eq!(change, Some(Change::Settled));
    assert_eq!(first.tick(at(21), &mut host), Change::Settled);
    assert_eq!(first.want_fresh(at(22)), Wanted::No);
}

#[test]
fn all_workers_pause_after_a_failure_of_one() {
    let mut host = TestHost::new();
    let mut workers = [sharing(), sharing()];
    for second in 0..300 {
        for worker in &mut workers {
            let before = host.calls.len();
            let _ = worker.tick(at(second), &mut host);
            if host.calls.len() > before {
                let _ = failed(worker, at(second), &mut host);
            }
        }
    }
    assert!(host.calls.len() < 30, "{}", host.calls.len());
}

#[test]
fn without_a_key_each_worker_fetches_and_nothing_is_shared() {
    let mut host = TestHost::new();
    for mut worker in [alone(), alone()] {
        let before = host.calls.len();
        let _ = worker.tick(at(0), &mut host);
        assert_eq!(host.calls.len(), before + 1);
        let _ = ok(&mut worker, at(0), "good 1", &mut host);
    }
    assert!(host.shared.is_empty());
}

#[test]
fn another_worker_fetches_when_one_vanishes() {
    let mut host = TestHost::new();
    let (mut vanishes, mut stays) = (sharing(), sharing());
    let _ = vanishes.tick(at(0), &mut host);
    assert_eq!(host.calls.len(), 1);
    drop(vanishes);
    let again = ticks_until_call(&mut stays, 0..20, &mut host);
    assert_eq!(again, Some(4), "after the lease of the vanished one");
}

#[test]
fn another_worker_fetches_when_the_proxy_takes_no_call_of_one() {
    let mut host = TestHost::new();
    let (mut first, mut second) = (sharing(), sharing());
    host.refuses_calls = true;
    let _ = first.tick(at(0), &mut host);
    host.refuses_calls = false;
    let _ = second.tick(at(0), &mut host);
    assert_eq!(host.calls.len(), 1);
}

#[test]
fn a_forged_head_or_document_is_not_used() {
    let (host, _) = with_document("good 1");
    let [head, document] = keys(&host);
    for (at_key, value) in [
        (&head, b"".to_vec()),
        (&head, vec![0; 109]),
        (&head, {
            let mut value = host.shared[&head].value.clone();
            value[70] ^= 1;
            value
        }),
        (&document, b"good evil".to_vec()),
        (&document, b"good".to_vec()),
        (&document, Vec::new()),
    ] {
        let (mut host, mut knows) = with_document("good 1");
        host.set_shared(at_key, &value, Expected::Anything).unwrap();
        let mut newcomer = sharing();
        let _ = newcomer.tick(at(1), &mut host);
        assert_eq!(newcomer.current(at(1)), Current::Missing);
        assert_eq!(refused("forged", &host), 1);
        let _ = knows.tick(at(1), &mut host);
        assert_eq!(in_use(&knows, at(1)), Some("good 1"));
        // It fetches for itself, and what it fetches is for all again.
        ticks_until_call(&mut newcomer, 1..20, &mut host);
        let _ = ok(&mut newcomer, at(20), "good 1", &mut host);
        assert_eq!(in_use(&newcomer, at(20)), Some("good 1"));
        let mut third = sharing();
        let _ = third.tick(at(21), &mut host);
        assert_eq!(in_use(&third, at(21)), Some("good 1"));
        assert_eq!(knows.tick(at(21), &mut host), Change::Nothing);
    }
}

#[test]
fn an_older_document_put_back_is_refused_by_who_knows_a_newer_one() {
    let (mut host, mut fetched) = with_document("good 1");
    let old = host.shared.clone();
    let again = ticks_until_call(&mut fetched, 1..200, &mut host).unwrap();
    let _ = ok(&mut fetched, at(again), "good 2", &mut host);
    for (key, old) in old {
        host.set_shared(&key, &old.value, Expected::Anything)
            .unwrap();
    }
    let _ = fetched.tick(at(again + 1), &mut host);
    assert_eq!(in_use(&fetched, at(again + 1)), Some("good 2"));
    assert_eq!(refused("stale", &host), 1);
    // One that has seen nothing can't know, and uses it as long as its age allows.
    let mut newcomer = sharing();
    let _ = newcomer.tick(at(again + 1), &mut host);
    assert_eq!(in_use(&newcomer, at(999)), Some("good 1"));
    assert_eq!(newcomer.current(at(1000)), Current::Expired);
    // The next fetch of anybody ends it.
    let third = ticks_until_call(&mut fetched, again + 1..300, &mut host).unwrap();
    let _ = ok(&mut fetched, at(third), "good 2", &mut host);
    assert_eq!(newcomer.tick(at(third), &mut host), Change::Replaced);
    assert_eq!(in_use(&newcomer, at(third)), Some("good 2"));
}

#[test]
fn documents_of_two_names_can_not_be_swapped() {
    let (mut host, _) = with_document("good 1");
    let [head, document] = keys(&host);
    let json = br#"{"cluster":"c","authority":"a","path":"/p"}"#;
    let written: WrittenSource = http_filter::parse(json).unwrap();
    let other = written.read(Kind::Jwks, Name::new("other").unwrap());
    let other = other.unwrap();
    let name = other.shared_name();
    for (from, to) in [(&head, "head"), (&document, "document")] {
        let value = host.shared[from].value.clone();
        host.set_shared(&format!("{name}.{to}"), &value, Expected::Anything)
            .unwrap();
    }
    let mut fetched = Fetched::new(other, Some(&key()), Box::new(read));
    let _ = fetched.tick(at(1), &mut host);
    assert_eq!(fetched.current(at(1)), Current::Missing);
}

#[test]
fn workers_with_another_key_do_not_trust_each_other() {
    let (mut host, _) = with_document("good 1");
    let key = SealingKey::new(&[8; 32]).unwrap();
    let mut other = Fetched::new(super::source(), Some(&key), Box::new(read));
    let _ = other.tick(at(1), &mut host);
    assert_eq!(other.current(at(1)), Current::Missing);
}

#[test]
fn a_document_that_only_another_worker_can_read_leaves_the_last_one_in_use() {
    let (mut host, mut fetched) = with_document("good 1");
    let all = |bytes: &[u8]| Ok(String::from_utf8_lossy(bytes).into_owned());
    let mut lenient = Fetched::new(super::source(), Some(&key()), Box::new(all));
    let _ = lenient.tick(at(50), &mut host);
    let _ = lenient.want_fresh(at(60));
    let _ = lenient.tick(at(60), &mut host);
    let answer = answer("200", "bad");
    let _ = lenient.answered(at(60), last_call(&host), Some(&answer), &mut host);
    assert_eq!(fetched.tick(at(61), &mut host), Change::Nothing);
    assert_eq!(fetched.tick(at(62), &mut host), Change::Nothing);
    assert_eq!(in_use(&fetched, at(62)), Some("good 1"));
    assert_eq!(refused("malformed", &host), 1);
}

#[test]
fn the_later_question_s_answer_counts_whichever_comes_last() {
    let mut host = TestHost::new();
    let (mut slow, mut fast) = (sharing(), sharing());
    let _ = slow.tick(at(0), &mut host);
    let slow_call = last_call(&host);
    let again = ticks_until_call(&mut fast, 0..10, &mut host);
    assert_eq!(again, Some(4), "the lease has run out");
    let _ = ok(&mut fast, at(5), "good 2", &mut host);
    let change = slow.answered(at(6), slow_call, Some(&answer("200", "good 1")), &mut host);
    assert_eq!(change, Some(Change::Replaced));
    for worker in [&mut slow, &mut fast] {
        let _ = worker.tick(at(7), &mut host);
        assert_eq!(in_use(worker, at(7)), Some("good 2"));
    }
}

#[test]
fn a_slow_answer_is_used_until_the_later_one_comes() {
    let mut host = TestHost::new();
    let (mut slow, mut later) = (sharing(), sharing());
    let _ = slow.tick(at(0), &mut host);
    let slow_call = last_call(&host);
    let _ = ticks_until_call(&mut later, 0..10, &mut host);
    let _ = slow.answered(at(5), slow_call, Some(&answer("200", "good 1")), &mut host);
    let _ = later.tick(at(5), &mut host);
    assert_eq!(in_use(&later, at(5)), Some("good 1"));
    let _ = ok(&mut later, at(6), "good 2", &mut host);
    let _ = slow.tick(at(6), &mut host);
    assert_eq!(in_use(&slow, at(6)), Some("good 2"));
}

#[test]
fn a_document_from_before_the_clock_stepped_back_is_fetched_again() {
    let (mut host, _) = with_document("good 1");
    let back = http_filter::Time::from_nanoseconds(at(0).nanoseconds() - 3600 * SECOND);
    let mut newcomer = sharing();
    let _ = newcomer.tick(back, &mut host);
    assert_eq!(newcomer.current(back), Current::Missing);
    assert_eq!(host.calls.len(), 2);
    let _ = ok(&mut newcomer, back, "good 1", &mut host);
    assert_eq!(in_use(&newcomer, back), Some("good 1"));
}

#[test]
fn one_who_writes_to_the_head_all_the_time_keeps_nobody_from_fetching() {
    let (mut host, mut fetched) = (TestHost::new(), sharing());
    host.conflicts = usize::MAX;
    let _ = fetched.tick(at(0), &mut host);
    assert_eq!(host.calls.len(), 1);
    let _ = ok(&mut fetched, at(0), "good 1", &mut host);
    assert_eq!(in_use(&fetched, at(0)), Some("good 1"));
    let again = ticks_until_call(&mut fetched, 1..200, &mut host).unwrap();
    assert!((80..=90).contains(&again), "{again}");
}
