//! One request and its answer.

use std::rc::Rc;

use facts::{Account, Name, Refusal, Traffic, key, refuse};
use http_filter::{Body, Event, Filter as _, Flow, Headers, Host, Stream, Time};
use llm_api::{Api, Endpoint};

use crate::admission::{Admission, admit};
use crate::budget::{Limits, Reservation, settle};
use crate::estimate::Estimate;
use crate::failure::Failure;
use crate::limit_use::count_settled;
use crate::metrics::Ended;
use crate::outcome::{Answered, Outcome};
use crate::usage_reader::{StreamReader, WholeReader};
use crate::{TokenCounter, Worker};

/// One request and its answer.
pub struct Exchange {
    worker: Rc<Worker>,
    state: State,
}

enum State {
    /// This filter takes no part in what still comes: it is no LLM traffic, has no body, or was
    /// refused.
    NoPart,
    /// Nothing has come yet.
    Opened,
    /// The request's body is coming.
    Asked(Asked),
    /// The request has gone on.
    Admitted(Box<Admitted>),
}

struct Asked {
    arrived: Time,
    api: Api,
    endpoint: Endpoint,
    caller: Account,
}

struct Admitted {
    arrived: Time,
    endpoint: Endpoint,
    tenant: Name,
    limits: Limits,
    reservation: Reservation,
    estimate: Estimate,
    is_streaming: bool,
    drops_usage_chunk: bool,
    answer: Answer,
}

/// The answer so far.
enum Answer {
    /// No headers have come.
    Awaited,
    /// Not a success.
    Error(Failure),
    Whole(WholeReader),
    Events(StreamReader),
    /// It has ended.
    Read(Answered),
}

impl Exchange {
    pub(crate) fn new(worker: Rc<Worker>) -> Self {
        Self {
            worker,
            state: State::Opened,
        }
    }
}

impl Stream for Exchange {
    fn handle(self, now: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        let Self { worker, state } = self;
        let (state, flow) = match state {
            State::NoPart => (State::NoPart, Flow::Continue),
            State::Opened => open(event, now, host),
            State::Asked(asked) => asked.handle(&worker, now, &event, host),
            State::Admitted(admitted) => admitted.handle(&worker, now, event, host),
        };
        (Self { worker, state }, flow)
    }
}

fn open(event: Event<'_>, now: Time, host: &mut dyn Host) -> (State, Flow) {
    let Event::RequestHeaders {
        headers,
        end_of_stream: false,
    } = event
    else {
        return (State::NoPart, Flow::Continue);
    };
    let Traffic::Governed { api, endpoint } = Traffic::of(host) else {
        return (State::NoPart, Flow::Continue);
    };
    if !endpoint.has_body() {
        return (State::NoPart, Flow::Continue);
    }
    let Some(caller) = Account::of(host) else {
        let message = "The gateway could not tell whose budget this request counts against.";
        let refusal = Refusal::new(503, "no_identity", message);
        return refused(api, &refusal, host);
    };
    let asked = Asked {
        arrived: now,
        api,
        endpoint,
        caller,
    };
    // A body that asks for usage is another one than the client's.
    headers.forget_length();
    (State::Asked(asked), Flow::Continue)
}

fn refused(api: Api, refusal: &Refusal, host: &mut dyn Host) -> (State, Flow) {
    (
        State::NoPart,
        refuse(host, TokenCounter::NAME, api, refusal),
    )
}

impl Asked {
    fn handle(
        self,
        worker: &Worker,
        now: Time,
        event: &Event<'_>,
        host: &mut dyn Host,
    ) -> (State, Flow) {
        match event {
            Event::RequestBody {
                end_of_stream: false,
                ..
            } => (State::Asked(self), Flow::Hold),
            Event::RequestBody { body, .. } => self.admit(worker, *body, now, host),
            Event::RequestTrailers => refused(self.api, &Refusal::trailers(), host),
            Event::CallAnswered { .. } => (State::Asked(self), Flow::Continue),
            // An answer before the request's end, such as 413 for its length, or its end.
            _ => (State::NoPart, Flow::Continue),
        }
    }

    fn admit(
        self,
        worker: &Worker,
        body: &dyn Body,
        now: Time,
        host: &mut dyn Host,
    ) -> (State, Flow) {
        let Self {
            arrived,
            api,
            endpoint,
            caller,
        } = self;
        let body = body.read();
        let admission = match admit(&worker.config, &caller, endpoint, &body, now, host) {
            Ok(admission) => admission,
            Err(not_admitted) => return refused(api, &not_admitted.refusal(), host),
        };
        let Admission {
            limits,
            reservation,
            estimate,
            is_streaming,
            body_with_usage,
        } = admission;
        let admitted = Admitted {
            arrived,
            endpoint,
            tenant: caller.tenant,
            limits,
            reservation,
            estimate,
            is_streaming,
            drops_usage_chunk: body_with_usage.is_some(),
            answer: Answer::Awaited,
        };
        let flow = body_with_usage.map_or(Flow::Continue, Flow::Replace);
        (State::Admitted(Box::new(admitted)), flow)
    }
}

impl Admitted {
    fn handle(
        mut self: Box<Self>,
        worker: &Worker,
        now: Time,
        event: Event<'_>,
        host: &mut dyn Host,
    ) -> (State, Flow) {
        let flow = match event {
            Event::ResponseHeaders { headers, .. } => {
                self.answer = self.begin(headers);
                Flow::Continue
            }
            Event::ResponseBody {
                body,
                end_of_stream,
            } => {
                let flow = self.answer.take(body, end_of_stream, now);
                if end_of_stream {
                    self.read(host);
                }
                flow
            }
            Event::Ended => {
                self.end(worker, now, host);
                return (State::NoPart, Flow::Continue);
            }
            _ => Flow::Continue,
        };
        (State::Admitted(self), flow)
    }

    /// The answer as its headers announce it.
    fn begin(&self, headers: &mut dyn Headers) -> Answer {
        // Three digits; the proxy has checked them.
        let status = headers.get(":status").unwrap_or_default();
        if !status.starts_with(b"2") {
            return Answer::Error(Failure::of_status(&status));
        }
        let encoding = headers.get("content-encoding").unwrap_or_default();
        if !matches!(encoding.trim_ascii(), b"" | b"identity") {
            return Answer::Whole(WholeReader::unreadable(self.endpoint));
        }
        let content_type = headers.get("content-type").unwrap_or_default();
        if !event_stream::is_event_stream(&content_type) {
            return Answer::Whole(WholeReader::new(self.endpoint));
        }
        if self.drops_usage_chunk {
            headers.forget_length();
        }
        Answer::Events(StreamReader::new(self.endpoint, self.drops_usage_chunk))
    }

    /// The answer is whole. What it cost is published now already: the proxy writes its spans
    /// before it tells filters that a stream has ended.
    fn read(&mut self, host: &mut dyn Host) {
        let answered = std::mem::replace(&mut self.answer, Answer::Awaited).finish();
        publish(
            Outcome::of(self.endpoint, self.estimate, answered, host),
            host,
        );
        self.answer = Answer::Read(answered);
    }

    fn end(self, worker: &Worker, now: Time, host: &mut dyn Host) {
        let answered = self.answer.finish();
        let outcome = Outcome::of(self.endpoint, self.estimate, answered, host);
        publish(outcome, host);
        let tokens = outcome.usage().total();
        settle(host, self.reservation, tokens, now);
        count_settled(self.tenant.as_str(), self.limits, tokens, host);
        let model = host.fact(key::MODEL).unwrap_or_default();
        let ended = Ended {
            tenant: self.tenant.as_str(),
            is_streaming: self.is_streaming,
            arrived: self.arrived,
            first_text: match answered {
                Answered::With(reading) => reading.first_text,
                Answered::NotAtAll | Answered::WithError(_) => None,
            },
            ended: now,
            outcome,
            failure: Failure::of(answered),
            price: std::str::from_utf8(&model)
                .ok()
                .and_then(|model| worker.config.price(model)),
        };
        ended.record(&worker.remainders, host);
    }
}

/// What the provider counted; an estimate is never published.
fn publish(outcome: Outcome, host: &mut dyn Host) {
    match outcome {
        Outcome::Counted(usage) => facts::publish_usage(host, usage),
        // The router may have published what the kept answer had cost when it was fresh.
        Outcome::CacheHit => facts::publish_usage(host, outcome.usage()),
        Outcome::Free | Outcome::Estimated(_) => {}
    }
}

impl Answer {
    fn take(&mut self, body: &dyn Body, end_of_stream: bool, now: Time) -> Flow {
        match self {
            Self::Awaited | Self::Error(_) | Self::Read(_) => Flow::Continue,
            Self::Whole(reader) => {
                reader.take(&body.read(), end_of_stream);
                Flow::Continue
            }
            Self::Events(reader) => reader
                .take(&body.read(), end_of_stream, now)
                .map_or(Flow::Continue, Flow::Replace),
        }
    }

    fn finish(self) -> Answered {
        match self {
            Self::Awaited => Answered::NotAtAll,
            Self::Error(failure) => Answered::WithError(failure),
            Self::Whole(reader) => Answered::With(reader.finish()),
            Self::Events(reader) => Answered::With(reader.finish()),
            Self::Read(answered) => answered,
        }
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
