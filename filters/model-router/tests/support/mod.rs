//! A router between a client and its providers, all played by the test.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use facts::{Identity, ModelPatterns, Name, Traffic};
use http_filter::{Filter, SECOND, Time};
use llm_api::{Api, Endpoint};
use model_router::{ModelRouter, RouterStream};
use test_host::{Exchange, Outcome, TestEnvironment, TestHeaders, TestHost};

/// When every test runs.
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) const CONFIG: &str = r#"{
    "role": "route",
    "providers": {
        "openai": {"api": "openai", "host": "api.openai.com",
            "cluster": "outbound|443||api.openai.com", "pathPrefix": "/v1"},
        "vllm": {"api": "openai", "host": "vllm.models.example.com",
            "cluster": "outbound|443||vllm.models.example.com", "pathPrefix": "/openai/v1"},
        "anthropic": {"api": "anthropic", "host": "api.anthropic.com",
            "cluster": "outbound|443||api.anthropic.com", "pathPrefix": "/v1",
            "version": "2023-06-01", "defaultMaxTokens": 4096}
    },
    "models": {
        "gpt-4.1": {"provider": "openai"},
        "gpt-4.1-mini": {"provider": "openai",
            "fallback": {"provider": "vllm", "model": "granite-3.3-8b-instruct"}},
        "fast": {"provider": "openai", "model": "gpt-4.1-mini"},
        "gpt-or-claude": {"provider": "openai", "model": "gpt-4.1",
            "fallback": {"provider": "anthropic", "model": "claude-haiku-4-5"}},
        "claude-sonnet-4-5": {"provider": "anthropic"},
        "claude-or-gpt": {"provider": "anthropic", "model": "claude-sonnet-4-5",
            "fallback": {"provider": "openai", "model": "gpt-4.1"}},
        "claude-old": {"provider": "anthropic", "reasoning": "budget", "structuredOutputs": false},
        "secret-model": {"provider": "openai"}
    },
    "limits": {"maxAnswerBytes": 65536, "maxFallbackRequestBytes": 65536}
}"#;

pub(crate) const KEYS: &str =
    r#"{"openai":"sk-openai","anthropic":"sk-anthropic","vllm":"sk-vllm"}"#;

/// A router of this configuration.
pub(crate) fn router(config: &str) -> ModelRouter {
    let environment = TestEnvironment::new(&[("AI_PROVIDER_KEYS", KEYS)]);
    ModelRouter::configure(config.as_bytes(), &environment).expect("the configuration is right")
}

/// What `auth` publishes for a caller that may use all models but the secret one.
pub(crate) fn host(endpoint: Endpoint) -> TestHost {
    host_for(endpoint, &["gpt-*", "claude-*", "granite-*", "fast"])
}

pub(crate) fn host_for(endpoint: Endpoint, models: &[&str]) -> TestHost {
    let api = match endpoint {
        Endpoint::Messages | Endpoint::CountTokens => Api::Anthropic,
        _ => Api::OpenAi,
    };
    let mut host = TestHost::new();
    Traffic::Governed { api, endpoint }.publish(&mut host);
    identity(models).publish(&mut host);
    host
}

fn identity(models: &[&str]) -> Identity {
    Identity {
        tenant: Name::new("team-a").unwrap(),
        plan: Name::new("standard").unwrap(),
        key: Name::new("team-a-ci").unwrap(),
        user: None,
        models: ModelPatterns::new(models.iter().map(|&model| model.to_owned()).collect()).into(),
    }
}

/// A stream of the usual router.
pub(crate) fn exchange(host: TestHost) -> Exchange<RouterStream> {
    thread_local! {
        static ROUTER: ModelRouter = router(CONFIG);
    }
    let now = Time::from_nanoseconds(NOW * SECOND);
    Exchange::new(ROUTER.with(ModelRouter::open), host, now)
}

pub(crate) fn exchange_with(config: &str, host: TestHost) -> Exchange<RouterStream> {
    let now = Time::from_nanoseconds(NOW * SECOND);
    Exchange::new(router(config).open(), host, now)
}

pub(crate) fn request_headers() -> TestHeaders {
    TestHeaders::new(&[
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        (":authority", "gateway.example.com"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("user-agent", "client/1"),
        ("authorization", "Bearer of-the-client"),
        ("cookie", "a=b"),
    ])
}

/// Sends a request whole; what goes on, or the reply.
pub(crate) fn send(exchange: &mut Exchange<RouterStream>, body: &[u8]) -> Outcome {
    let passed = exchange.request_headers(&mut request_headers(), false);
    assert_eq!(passed, Outcome::Passed(Vec::new()));
    exchange.request_body(body, true)
}

/// A request that is sent, and its stream.
pub(crate) fn sent(endpoint: Endpoint, body: &str) -> (Exchange<RouterStream>, Vec<u8>) {
    let mut exchange = exchange(host(endpoint));
    let body = send(&mut exchange, body.as_bytes()).passed();
    (exchange, body)
}

pub(crate) fn response_headers(status: u16, content_type: &str) -> TestHeaders {
    TestHeaders::new(&[
        (":status", &status.to_string()),
        ("content-type", content_type),
        ("content-length", "7"),
        ("server", "envoy"),
    ])
}

pub(crate) const SSE: &str = "text/event-stream; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

pub(crate) fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}
