//! How a refusal looks to the client, the log and the metrics.

use http_filter::{Change, Flow, Host, Metric, Reply};
use llm_api::{Api, BodyError, ErrorText};

use crate::key;

/// Why a request is refused, and what the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status, 400 to 599.
    pub status: u16,
    /// The reason in snake case, for the access log and the metric `ai_refusals_total`. It may be
    /// more precise than the message.
    pub reason: &'static str,
    /// What the client reads. Nothing in it comes from another tenant, a header or a match.
    pub message: String,
    /// The error's `code` in OpenAI's shape, such as `model_not_found`.
    pub code: Option<&'static str>,
    /// The request's member that is at fault, in OpenAI's shape.
    pub param: Option<&'static str>,
    /// What the client can do about it.
    pub advice: Option<Advice>,
}

/// What a client can do about a refusal: the one header that comes with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// `retry-after`: a new try makes sense after so many seconds (RFC 9110, section 10.2.3).
    RetryAfter(u64),
    /// `www-authenticate`, with status 401 (RFC 9110, section 15.5.2), or with 403 where another
    /// credential would do (RFC 6750, section 3.1).
    Challenge(&'static str),
    /// `allow`, with status 405 (RFC 9110, section 15.5.6).
    Allow(&'static str),
}

impl Advice {
    fn header(self) -> (&'static str, String) {
        match self {
            Self::RetryAfter(seconds) => ("retry-after", seconds.to_string()),
            Self::Challenge(scheme) => ("www-authenticate", scheme.to_owned()),
            Self::Allow(method) => ("allow", method.to_owned()),
        }
    }
}

impl Refusal {
    /// A refusal with a status, a reason and a message.
    #[must_use]
    pub fn new(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            reason,
            message: message.into(),
            code: None,
            param: None,
            advice: None,
        }
    }

    /// The refusal of a body that can't be read as its endpoint's request, or asks for what isn't
    /// to be had: 400, and the member at fault where there is one.
    #[must_use]
    pub fn malformed_body(error: BodyError) -> Self {
        if let BodyError::ChoosesModels(member) = error {
            let message = format!("The request is not supported: {error}.");
            return Self::new(400, "unsupported_parameter", message)
                .with_code("unsupported_parameter")
                .with_param(member);
        }
        let refusal = Self::new(
            400,
            "malformed_body",
            format!("The request can't be read: {error}."),
        );
        Self {
            param: error.member(),
            ..refusal
        }
    }

    /// The refusal of a request with trailers, which no provider's API takes: 400.
    #[must_use]
    pub fn trailers() -> Self {
        Self::new(
            400,
            "request_trailers",
            "Requests with trailers are not supported.",
        )
    }

    /// With the error's `code`.
    #[must_use]
    pub fn with_code(self, code: &'static str) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    /// With the member at fault.
    #[must_use]
    pub fn with_param(self, param: &'static str) -> Self {
        Self {
            param: Some(param),
            ..self
        }
    }

    /// With `retry-after`.
    #[must_use]
    pub fn with_retry_after(self, seconds: u64) -> Self {
        self.with_advice(Advice::RetryAfter(seconds))
    }

    /// With `www-authenticate`.
    #[must_use]
    pub fn with_challenge(self, scheme: &'static str) -> Self {
        self.with_advice(Advice::Challenge(scheme))
    }

    /// With `allow`.
    #[must_use]
    pub fn with_allow(self, method: &'static str) -> Self {
        self.with_advice(Advice::Allow(method))
    }

    fn with_advice(self, advice: Advice) -> Self {
        Self {
            advice: Some(advice),
            ..self
        }
    }

    /// The answer in the shape of the client's API.
    #[must_use]
    pub fn reply(&self, api: Api) -> Reply {
        let error = ErrorText {
            status: self.status,
            message: &self.message,
            code: self.code,
            param: self.param,
        };
        let body = llm_api::error_body(api, error);
        let mut reply = Reply::new(self.status, body, self.reason)
            .with_header("content-type", "application/json");
        if let Some((name, value)) = self.advice.map(Advice::header) {
            reply = reply.with_header(name, value);
        }
        // The SDKs retry some statuses by themselves; what can't change isn't worth a retry.
        if matches!(self.status, 400..=499) && !matches!(self.advice, Some(Advice::RetryAfter(_))) {
            reply = reply.with_header("x-should-retry", "false");
        }
        reply
    }
}

/// Refuses a request: counts it, leaves the reason as a fact, and answers in the client's shape.
pub fn refuse(host: &mut dyn Host, filter: &'static str, api: Api, refusal: &Refusal) -> Flow {
    let tenant = host.fact(key::TENANT).unwrap_or_default();
    host.publish(key::REFUSED, refusal.reason.as_bytes());
    host.record(Metric {
        name: "ai_refusals_total",
        labels: &[
            ("ai_filter", filter),
            ("reason", refusal.reason),
            ("tenant", std::str::from_utf8(&tenant).unwrap_or_default()),
        ],
        change: Change::Add(1),
    });
    Flow::Reply(refusal.reply(api))
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use http_filter::Flow;
    use llm_api::{Api, BodyError};
    use test_host::TestHost;

    use super::{Refusal, refuse};
    use crate::key;

    fn header(refusal: &Refusal, wanted: &str) -> Option<String> {
        let reply = refusal.reply(Api::OpenAi);
        let mut headers = reply.headers().iter();
        let found = headers.find(|(name, _)| *name == wanted);
        found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    }

    #[test]
    fn a_refusal_has_the_shape_of_each_api() {
        let refusal = Refusal::new(404, "unknown_model", "No \"x\".").with_code("model_not_found");
        assert_eq!(
            String::from_utf8_lossy(refusal.reply(Api::OpenAi).body()),
            r#"{"error":{"message":"No \"x\".","type":"not_found_error","param":null,"code":"model_not_found"}}"#
        );
        assert_eq!(
            String::from_utf8_lossy(refusal.reply(Api::Anthropic).body()),
            r#"{"type":"error","error":{"type":"not_found_error","message":"No \"x\"."}}"#
        );
    }

    #[test]
    fn the_advice_comes_as_its_header() {
        let refusal = Refusal::new(429, "r", "m");
        let too_early = refusal.clone().with_retry_after(7);
        assert_eq!(header(&too_early, "retry-after").as_deref(), Some("7"));
        let unknown = Refusal::new(401, "r", "m").with_challenge("Bearer");
        assert_eq!(
            header(&unknown, "www-authenticate").as_deref(),
            Some("Bearer")
        );
        let method = Refusal::new(405, "r", "m").with_allow("POST");
        assert_eq!(header(&method, "allow").as_deref(), Some("POST"));
        assert_eq!(header(&refusal, "retry-after"), None);
    }

    #[test]
    fn sdks_are_told_not_to_retry_what_can_not_change() {
        let retry = |refusal: &Refusal| header(refusal, "x-should-retry");
        assert_eq!(
            retry(&Refusal::new(400, "r", "m")).as_deref(),
            Some("false")
        );
        assert_eq!(
            retry(&Refusal::new(429, "r", "m").with_retry_after(7)),
            None
        );
        assert_eq!(retry(&Refusal::new(503, "r", "m")), None);
    }

    #[test]
    fn a_malformed_body_is_named_by_its_member() {
        let refusal = Refusal::malformed_body(BodyError::WrongType("model"));
        assert_eq!(refusal.status, 400);
        assert_eq!(refusal.param, Some("model"));
        assert!(refusal.message.contains("`model` has the wrong type"));
    }

    #[test]
    fn a_member_that_chooses_models_is_named_as_one_that_is_not_supported() {
        let refusal = Refusal::malformed_body(BodyError::ChoosesModels("models"));
        assert_eq!((refusal.status, refusal.param), (400, Some("models")));
        assert_eq!(refusal.code, Some("unsupported_parameter"));
    }

    #[test]
    fn a_refusal_is_counted_and_left_as_a_fact() {
        let mut host = TestHost::new().with_fact(key::TENANT, "team-a");
        let flow = refuse(
            &mut host,
            "auth",
            Api::OpenAi,
            &Refusal::new(403, "why", "m"),
        );
        assert!(matches!(flow, Flow::Reply(reply) if reply.status() == 403));
        assert_eq!(host.fact_text(key::REFUSED).as_deref(), Some("why"));
        let series = r#"ai_refusals_total{ai_filter="auth",reason="why",tenant="team-a"}"#;
        assert_eq!(host.counter(series), 1);
    }
}
