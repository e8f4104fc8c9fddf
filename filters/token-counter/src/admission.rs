//! Whether a request may go on, and what it holds of its tenant's budget until it ends.

use facts::{Account, Refusal};
use http_filter::{Host, Time};
use llm_api::{BodyError, Endpoint, Request};

use crate::budget::{Limits, Refused, Reservation, reserve};
use crate::config::{Config, UnknownPlan};
use crate::estimate::{Estimate, of_request};
use crate::limit_use::count_admitted;

/// A request that may go on.
pub(crate) struct Admission {
    /// What the tenant may use in a minute.
    pub(crate) limits: Limits,
    pub(crate) reservation: Reservation,
    pub(crate) estimate: Estimate,
    pub(crate) is_streaming: bool,
    /// The body that goes on in place of the client's: it also asks for usage.
    pub(crate) body_with_usage: Option<Vec<u8>>,
}

/// Why a request may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// The body is no request of its endpoint.
    Malformed(BodyError),
    /// `auth` names a plan that isn't configured here.
    UnknownPlan,
    /// The budget has no room for it.
    Budget(Refused),
}

/// Reads a request, and reserves what it may cost.
pub(crate) fn admit(
    config: &Config,
    caller: &Account,
    endpoint: Endpoint,
    body: &[u8],
    now: Time,
    host: &mut dyn Host,
) -> Result<Admission, NotAdmitted> {
    let request = Request::parse(endpoint, body).map_err(NotAdmitted::Malformed)?;
    let estimate = of_request(endpoint, &request, body, config.default_output_tokens)
        .map_err(NotAdmitted::Malformed)?;
    let limits = config
        .limits(caller)
        .map_err(|UnknownPlan| NotAdmitted::UnknownPlan)?;
    let reservation = reserve(host, &caller.tenant, limits, estimate.total(), now)
        .map_err(NotAdmitted::Budget)?;
    count_admitted(
        caller.tenant.as_str(),
        limits,
        reservation.opens_window(),
        host,
    );
    let edits = request.request_usage();
    Ok(Admission {
        limits,
        reservation,
        estimate,
        is_streaming: request.stream(),
        body_with_usage: (!edits.is_empty()).then(|| edits.apply(body)),
    })
}

impl NotAdmitted {
    /// What the client is told.
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Self::Malformed(error) => Refusal::malformed_body(error),
            Self::UnknownPlan => {
                let message = "The gateway has no limits for your plan. Please tell its operator.";
                Refusal::new(503, "unknown_plan", message)
            }
            Self::Budget(refused) => of_budget(refused),
        }
    }
}

const RATE_LIMIT: &str = "rate_limit_exceeded";

fn of_budget(refused: Refused) -> Refusal {
    match refused {
        Refused::RequestsPerMinute {
            limit,
            retry_after_seconds,
        } => {
            let message = format!(
                "Rate limit reached: {limit} requests per minute. Please try again in \
                 {retry_after_seconds} s."
            );
            Refusal::new(429, "requests_per_minute", message)
                .with_code(RATE_LIMIT)
                .with_retry_after(retry_after_seconds)
        }
        Refused::TokensPerMinute {
            limit,
            retry_after_seconds,
        } => {
            let message = format!(
                "Rate limit reached: {limit} tokens per minute. Please try again in \
                 {retry_after_seconds} s."
            );
            Refusal::new(429, "tokens_per_minute", message)
                .with_code(RATE_LIMIT)
                .with_retry_after(retry_after_seconds)
        }
        // No `retry-after`: no later minute has room for it either.
        Refused::TooLarge { limit, tokens } => {
            let message = format!(
                "Request too large: it may cost {tokens} tokens, and the limit is {limit} tokens \
                 per minute. Please shorten it, or ask for fewer output tokens."
            );
            Refusal::new(429, "tokens_per_minute", message).with_code(RATE_LIMIT)
        }
        Refused::Contention => {
            let message = "The gateway is too busy to count this request. Please try again.";
            Refusal::new(503, "budget_contention", message).with_retry_after(1)
        }
    }
}
