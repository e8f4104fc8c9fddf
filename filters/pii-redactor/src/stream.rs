//! One request and its answer.

use facts::{Refusal, Traffic, key, refuse};
use http_filter::{Body, Change, Event, Filter, Flow, Headers, Host, Metric, Stream, Time};
use llm_api::{Api, Endpoint};

use crate::PiiRedactor;
use crate::config::Config;
use crate::mask::{MaskError, Masked, mask};
use crate::originals::Originals;
use crate::restore::stream::EventStream;
use crate::restore::whole::WholeAnswer;
use crate::rule::Rule;

/// One request and its answer.
///
/// When an answer has trailers, nothing can be put out before them any more. Then what is still
/// held, the beginning of a placeholder, is lost; that is nothing where the answer was complete,
/// since whole JSON and a stream's last event leave nothing held.
#[derive(Debug)]
pub struct RedactorStream(State);

#[derive(Debug)]
enum State {
    /// The request's headers haven't come.
    Waiting(Config),
    /// The request's body is being held.
    Holding(Request),
    /// The request has left with placeholders in it; its answer hasn't begun.
    Asked(Asked),
    /// A JSON answer is on its way.
    Whole(WholeAnswer),
    /// A streamed answer is on its way.
    Events(Box<EventStream>),
    /// Nothing more is to be done: the request is none of ours, holds nothing to mask, or was
    /// refused, and the answer is one that nothing is put back into.
    Settled,
}

#[derive(Debug)]
struct Request {
    config: Config,
    api: Api,
    endpoint: Endpoint,
}

#[derive(Debug)]
struct Asked {
    api: Api,
    endpoint: Endpoint,
    originals: Originals,
    max_event_bytes: usize,
}

impl RedactorStream {
    pub(crate) fn new(config: Config) -> Self {
        Self(State::Waiting(config))
    }
}

impl Stream for RedactorStream {
    fn handle(self, _: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        let (state, flow) = self.0.handle(event, host);
        (Self(state), flow)
    }
}

impl State {
    fn handle(self, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        match (self, event) {
            (
                Self::Waiting(config),
                Event::RequestHeaders {
                    headers,
                    end_of_stream,
                },
            ) => {
                let state = Self::begin(config, headers, end_of_stream, host);
                (state, Flow::Continue)
            }
            (
                Self::Holding(request),
                Event::RequestBody {
                    body,
                    end_of_stream,
                },
            ) => request.body(body, end_of_stream, host),
            (Self::Holding(request), Event::RequestTrailers) => {
                request.refuse(&Refusal::trailers(), host)
            }
            (
                Self::Asked(asked),
                Event::ResponseHeaders {
                    headers,
                    end_of_stream,
                },
            ) => (asked.answer_begins(headers, end_of_stream), Flow::Continue),
            (
                Self::Whole(mut answer),
                Event::ResponseBody {
                    body,
                    end_of_stream,
                },
            ) => {
                let restored = answer.restore(&body.read(), end_of_stream);
                let flow = restored.map_or(Flow::Continue, Flow::Replace);
                (Self::Whole(answer), flow)
            }
            (
                Self::Events(mut answer),
                Event::ResponseBody {
                    body,
                    end_of_stream,
                },
            ) => {
                let restored = answer.restore(&body.read(), end_of_stream);
                (Self::Events(answer), Flow::Replace(restored))
            }
            (state, _) => (state, Flow::Continue),
        }
    }

    fn begin(
        config: Config,
        headers: &mut dyn Headers,
        end_of_stream: bool,
        host: &dyn Host,
    ) -> Self {
        match Traffic::of(host) {
            // With every rule off there is nothing to look for.
            Traffic::Governed { .. } if config.detectors.rules().is_empty() => Self::Settled,
            Traffic::Governed { api, endpoint } if endpoint.has_body() && !end_of_stream => {
                headers.forget_length();
                Self::Holding(Request {
                    config,
                    api,
                    endpoint,
                })
            }
            _ => Self::Settled,
        }
    }
}

impl Request {
    fn body(self, body: &dyn Body, end_of_stream: bool, host: &mut dyn Host) -> (State, Flow) {
        if body.len() > self.config.max_body_bytes {
            return self.refuse(&too_large(), host);
        }
        if !end_of_stream {
            return (State::Holding(self), Flow::Hold);
        }
        match mask(&self.config.detectors, self.endpoint, &body.read()) {
            Ok(None) => (State::Settled, Flow::Continue),
            Ok(Some(masked)) => self.ask(masked, host),
            Err(error) => self.refuse(&refusal(error), host),
        }
    }

    fn ask(self, masked: Masked, host: &mut dyn Host) -> (State, Flow) {
        let Masked {
            body,
            originals,
            counts,
        } = masked;
        for (rule, count) in counts {
            log::debug!("rule {}: masked {count} matches", rule.name());
            count_redactions(host, rule, count);
        }
        let asked = Asked {
            api: self.api,
            endpoint: self.endpoint,
            originals,
            max_event_bytes: self.config.max_body_bytes,
        };
        (State::Asked(asked), Flow::Replace(body))
    }

    /// The answer to a refused request comes back through this filter, and stays as it is.
    fn refuse(self, refusal: &Refusal, host: &mut dyn Host) -> (State, Flow) {
        let flow = refuse(host, PiiRedactor::NAME, self.api, refusal);
        (State::Settled, flow)
    }
}

impl Asked {
    /// Decides by the headers how the answer is read; once its body changes, its length does.
    fn answer_begins(self, headers: &mut dyn Headers, end_of_stream: bool) -> State {
        let kind = headers.get("content-type").unwrap_or_default();
        let encoding = headers.get("content-encoding").unwrap_or_default();
        let readable = encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity");
        if end_of_stream || !readable {
            return State::Settled;
        }
        let state = if event_stream::is_event_stream(&kind) {
            State::Events(Box::new(EventStream::new(
                (self.api, self.endpoint),
                self.originals,
                self.max_event_bytes,
            )))
        } else if is_json(&kind) {
            State::Whole(WholeAnswer::new(self.originals))
        } else {
            return State::Settled;
        };
        headers.forget_length();
        state
    }
}

fn count_redactions(host: &mut dyn Host, rule: Rule, count: u64) {
    let tenant = host.fact(key::TENANT).unwrap_or_default();
    host.record(Metric {
        name: "ai_redactions_total",
        labels: &[
            ("rule", rule.name()),
            ("tenant", std::str::from_utf8(&tenant).unwrap_or_default()),
        ],
        change: Change::Add(count),
    });
}

fn refusal(error: MaskError) -> Refusal {
    match error {
        MaskError::Unreadable(error) => Refusal::malformed_body(error),
        MaskError::Tokens => Refusal::new(
            400,
            "token_input",
            "The input must be text: personal data can't be masked in token numbers.",
        ),
        MaskError::TooManyMatches => Refusal::new(
            400,
            "too_many_matches",
            "The request holds more personal data than can be masked.",
        ),
        MaskError::Overlap => Refusal::new(
            400,
            "not_maskable",
            "The request holds personal data that can't be masked.",
        ),
    }
}

fn too_large() -> Refusal {
    Refusal::new(
        413,
        "body_too_large",
        "The request body is longer than what the gateway reads.",
    )
}

/// Whether a `content-type` names JSON (RFC 8259, section 11; RFC 6839, section 3.1).
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next();
    let essence = essence
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase();
    essence.ends_with(b"/json") || essence.ends_with(b"+json")
}
