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
    /// `www-authenticate`, with status 401 (RFC 9110, section 15.5.2).
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

    /// The refusal of a body that can't be read as its endpoint's request: 400, and the member
    /// at fault where there is one.
    #[must_use]
    pub fn malformed_body(error: BodyError) -> Self {
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
