//! The filter seen from outside: requests in, outcomes out.

mod door;
mod fetched;
mod keys;
mod mesh;
mod shadow;
mod sources;
mod tokens;

use http_filter::{Filter, Time};
use test_host::{Exchange, TestEnvironment, TestHeaders, TestHost};

use crate::{Auth, AuthStream};

/// 2026-11-20.
const NOW: u64 = 1_795_132_800;

fn now() -> Time {
    Time::from_nanoseconds(NOW * http_filter::SECOND)
}

fn auth(config: &str) -> Auth {
    match Auth::configure(config.as_bytes(), &TestEnvironment::default()) {
        Ok(auth) => auth,
        Err(error) => panic!("{error}"),
    }
}

fn exchange_of(config: &str, host: TestHost) -> Exchange<AuthStream> {
    Exchange::new(auth(config).open(), host, now())
}

fn chat(more: &[(&str, &str)]) -> TestHeaders {
    request("POST", "/v1/chat/completions", more)
}

fn request(method: &str, path: &str, more: &[(&str, &str)]) -> TestHeaders {
    let pseudo = [
        (":method", method),
        (":path", path),
        (":authority", "ai.example.com"),
    ];
    TestHeaders::new(&[&pseudo, more].concat())
}

/// The key whose SHA-256 begins with `2c26`.
const KEY: (&str, &str) = ("authorization", "Bearer foo");

/// Why a request is refused, or whose it is.
fn outcome(
    auth: &Auth,
    headers: &mut TestHeaders,
    host: TestHost,
) -> (Result<String, String>, TestHost) {
    let mut exchange = Exchange::new(auth.open(), host, now());
    let _ = exchange.request_headers(headers, false);
    let host = exchange.end();
    let outcome = match host.fact_text(facts::key::REFUSED) {
        Some(reason) => Err(reason),
        None => Ok(host.fact_text(facts::key::TENANT).unwrap()),
    };
    (outcome, host)
}
