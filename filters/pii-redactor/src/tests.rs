//! The filter as a whole: requests in, masked requests out, answers in, restored answers out.

mod answers;
mod presidio;
#[cfg(not(target_arch = "wasm32"))]
mod properties;
mod requests;

use http_filter::{Filter, Time};
use llm_api::{Api, Endpoint};
use test_host::{Exchange, Outcome, TestEnvironment, TestHeaders, TestHost};

use crate::{PiiRedactor, RedactorStream};

const MASKING: &str = r#"{"rules":{"email":{"action":"mask"}}}"#;

/// An exchange of a filter with this configuration, after the request's headers.
fn exchange_of(config: &str, (api, endpoint): (Api, Endpoint)) -> Exchange<RedactorStream> {
    let filter = PiiRedactor::configure(config.as_bytes(), &TestEnvironment::default()).unwrap();
    let mut host = TestHost::new().with_fact("ai.tenant", "team-a");
    facts::Traffic::Governed { api, endpoint }.publish(&mut host);
    let mut exchange = Exchange::new(filter.open(), host, Time::from_nanoseconds(0));
    let mut headers = TestHeaders::new(&[(":method", "POST")]);
    let outcome = exchange.request_headers(&mut headers, false);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    exchange
}

fn exchange(endpoint: Endpoint) -> Exchange<RedactorStream> {
    let api = match endpoint {
        Endpoint::Messages | Endpoint::CountTokens => Api::Anthropic,
        _ => Api::OpenAi,
    };
    exchange_of(MASKING, (api, endpoint))
}

/// What leaves of a request's body.
fn masked(endpoint: Endpoint, body: &str) -> String {
    let outcome = exchange(endpoint).request_body(body.as_bytes(), true);
    String::from_utf8(outcome.passed()).unwrap()
}

/// A chat whose one message says a text.
fn chat(says: &str) -> String {
    format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":{}}}]}}"#,
        llm_api::encode_text(says)
    )
}

/// An exchange whose request has held `ann@example.com` and `bob@example.org`, and whose answer
/// has begun.
fn answering(endpoint: Endpoint, content_type: &str) -> Exchange<RedactorStream> {
    const WHO: &str = "ann@example.com bob@example.org";
    let mut exchange = exchange(endpoint);
    let body = match endpoint {
        Endpoint::Responses | Endpoint::Embeddings => format!(r#"{{"model":"m","input":"{WHO}"}}"#),
        Endpoint::Completions => format!(r#"{{"model":"m","prompt":"{WHO}"}}"#),
        _ => chat(WHO),
    };
    let sent = exchange.request_body(body.as_bytes(), true).passed();
    let sent = String::from_utf8(sent).unwrap();
    assert_eq!(sent, body.replace(WHO, "[EMAIL_1] [EMAIL_2]"));
    let mut headers = TestHeaders::new(&[
        (":status", "200"),
        ("content-type", content_type),
        ("content-length", "99"),
    ]);
    let outcome = exchange.response_headers(&mut headers, false);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    exchange
}
