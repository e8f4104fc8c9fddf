//! The role `upstream`: the last filter, which writes the provider's path and headers.
//!
//! The request's body has passed by then; the role `route` has left its decision as a fact.

use std::rc::Rc;

use facts::{Decision, Refusal, Traffic, refuse};
use http_filter::{Event, Flow, Headers, Host};
use llm_api::Api;

use crate::NAME;
use crate::credentials::Credentials;
use crate::outgoing::{self, ClientHeaders};

/// A stream in the role `upstream`: everything happens at the request's headers.
pub(crate) struct UpstreamStream(Rc<Credentials>);

impl UpstreamStream {
    pub(crate) fn new(credentials: Rc<Credentials>) -> Self {
        Self(credentials)
    }

    pub(crate) fn handle(self, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        let flow = match event {
            Event::RequestHeaders { headers, .. } => self.send(headers, host),
            _ => Flow::Continue,
        };
        (self, flow)
    }

    fn send(&self, headers: &mut dyn Headers, host: &mut dyn Host) -> Flow {
        let api = match Traffic::of(host) {
            Traffic::Passed => return Flow::Continue,
            Traffic::Unknown => return no_decision(Api::OpenAi, host),
            Traffic::Governed { api, .. } => api,
        };
        let Some(decision) = Decision::of(host) else {
            return no_decision(api, host);
        };
        let present = headers.all();
        let client = ClientHeaders::of(&present);
        let Ok(outgoing) = outgoing::headers(&decision, &self.0, &client) else {
            log::error!(
                "{NAME}: there is no credential for provider {}",
                decision.provider
            );
            return refuse_503(api, "no_credential", host);
        };
        for (name, _) in &present {
            if !name.starts_with(':') && !OF_THE_PROXY.contains(&name.as_str()) {
                headers.remove(name);
            }
        }
        for (name, value) in &outgoing {
            headers.set(name, value.as_bytes());
        }
        headers.set(":path", decision.path.as_bytes());
        headers.set(ROUTING_HEADER, decision.provider.as_bytes());
        host.choose_route_anew();
        Flow::Continue
    }
}

/// Headers that the proxy itself still needs behind this filter.
const OF_THE_PROXY: [&str; 4] = [
    // Where the body ends; written after the body was edited.
    "content-length",
    "transfer-encoding",
    // Envoy picks no route without it. The provider's route removes it.
    "x-forwarded-proto",
    // The access log reads it from the request as it went out. A random number, no more.
    "x-request-id",
];

/// The header by which the provider's route is picked; the route removes it.
const ROUTING_HEADER: &str = "x-ai-provider";

/// Nothing has decided where this request goes: nothing goes out.
fn no_decision(api: Api, host: &mut dyn Host) -> Flow {
    log::error!("{NAME}: a request came to the role `upstream` without a decision");
    refuse_503(api, "no_decision", host)
}

fn refuse_503(api: Api, reason: &'static str, host: &mut dyn Host) -> Flow {
    let message = "The gateway can't serve this request now.";
    refuse(host, NAME, api, &Refusal::new(503, reason, message))
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::collections::BTreeMap;

    use facts::{Decision, Traffic};
    use http_filter::{Filter, Time};
    use llm_api::{Api, Endpoint};
    use test_host::{Exchange, Outcome, TestEnvironment, TestHeaders, TestHost};

    use crate::{ModelRouter, RouterStream};

    fn exchange(host: TestHost) -> Exchange<RouterStream> {
        let keys = TestEnvironment::new(&[("AI_PROVIDER_KEYS", r#"{"openai":"sk-o"}"#)]);
        let router = ModelRouter::configure(br#"{"role":"upstream"}"#, &keys).unwrap();
        Exchange::new(router.open(), host, Time::from_nanoseconds(0))
    }

    fn governed(provider: &str) -> TestHost {
        let mut host = TestHost::new();
        let api = Api::OpenAi;
        let endpoint = Endpoint::ChatCompletions;
        Traffic::Governed { api, endpoint }.publish(&mut host);
        let decision = Decision {
            v: Decision::VERSION,
            provider: provider.to_owned(),
            path: "/v1/chat/completions".to_owned(),
            credential_header: "authorization".to_owned(),
            credential_prefix: "Bearer ".to_owned(),
            headers: BTreeMap::new(),
            keep: Vec::new(),
        };
        decision.publish(&mut host);
        host
    }

    fn request() -> TestHeaders {
        TestHeaders::new(&[
            (":method", "POST"),
            (":path", "/openai/v1/chat/completions?key=secret"),
            (":authority", "gateway.example.com"),
            (":scheme", "https"),
            ("content-length", "12"),
            ("authorization", "Bearer of-the-client"),
            ("x-api-key", "of-the-client"),
            ("api-key", "of-the-client"),
            ("x-goog-api-key", "of-the-client"),
            ("x-amz-security-token", "of-the-client"),
            ("proxy-authorization", "of-the-client"),
            ("cookie", "session=1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-client-cert", "URI=spiffe://mesh/ns/a/sa/b"),
            ("x-envoy-external-address", "10.0.0.1"),
            ("x-request-id", "1"),
            ("x-b3-traceid", "1"),
            ("traceparent", "00-1"),
            ("x-ai-provider", "forged"),
            ("content-type", "text/plain"),
            ("accept-encoding", "gzip"),
            ("user-agent", "curl"),
        ])
    }

    #[test]
    fn nothing_of_the_client_or_the_mesh_goes_upstream() {
        let mut exchange = exchange(governed("openai"));
        let mut headers = request();
        let outcome = exchange.request_headers(&mut headers, false);
        assert_eq!(outcome, Outcome::Passed(Vec::new()));
        let mut left: Vec<_> = headers.0.iter().map(|(name, _)| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                ":authority",
                ":method",
                ":path",
                ":scheme",
                "accept-encoding",
                "authorization",
                "content-length",
                "content-type",
                "user-agent",
                "x-ai-provider",
                "x-forwarded-proto",
                "x-request-id",
            ]
        );
        assert_eq!(headers.text(":path").unwrap(), "/v1/chat/completions");
        assert_eq!(headers.text("authorization").unwrap(), "Bearer sk-o");
        assert_eq!(headers.text("x-ai-provider").unwrap(), "openai");
        assert_eq!(headers.text("content-type").unwrap(), "application/json");
        assert_eq!(headers.text("accept-encoding").unwrap(), "identity");
        assert_eq!(exchange.host.routes_chosen, 1);
        assert_eq!(
            exchange.request_body(b"{\"a\":1}", true).passed(),
            b"{\"a\":1}"
        );
        exchange.end();
    }

    #[test]
    fn without_a_decision_nothing_goes_out() {
        let mut governed = TestHost::new();
        let api = Api::Anthropic;
        let endpoint = Endpoint::Messages;
        Traffic::Governed { api, endpoint }.publish(&mut governed);
        for (host, shape) in [
            (TestHost::new(), "\"code\""),
            (
                governed.with_fact("ai.decision", "{}"),
                "\"type\":\"error\"",
            ),
        ] {
            let mut exchange = exchange(host);
            let reply = exchange.request_headers(&mut request(), false).reply();
            assert_eq!(reply.status(), 503);
            assert_eq!(reply.details(), "no_decision");
            assert!(
                String::from_utf8_lossy(reply.body()).contains(shape),
                "{reply:?}"
            );
            let host = exchange.end();
            assert_eq!(host.fact_text("ai.refused").unwrap(), "no_decision");
        }
    }

    #[test]
    fn without_a_credential_nothing_goes_out() {
        let mut exchange = exchange(governed("vllm"));
        let reply = exchange.request_headers(&mut request(), false).reply();
        assert_eq!((reply.status(), reply.details()), (503, "no_credential"));
        assert!(!String::from_utf8_lossy(reply.body()).contains("vllm"));
    }

    #[test]
    fn other_traffic_passes_untouched() {
        let mut exchange = exchange(TestHost::new().with_fact("ai.traffic", "passed"));
        let mut headers = request();
        let outcome = exchange.request_headers(&mut headers, true);
        assert_eq!(outcome, Outcome::Passed(Vec::new()));
        assert_eq!(headers, request());
    }
}
