//! The role `route`: one stream from the request's body to the end of the answer.

use std::rc::Rc;

use facts::{AllowedModels, Traffic, key, refuse};
use http_filter::{Answer, Body, Event, Flow, Headers, Host, Time};
use llm_api::{Api, Endpoint, Request};

use crate::NAME;
use crate::answer::{Answering, Provenance};
use crate::config::Routing;
use crate::fallback::{self, Alternative, Asked};
use crate::models_list;
use crate::outgoing::{self, ClientHeaders};
use crate::refused::Refused;
use crate::resolve::Authorized;
use crate::translate::{self, BodyForm, Prepared};

/// A stream in the role `route`.
pub(crate) struct RouteStream {
    routing: Rc<Routing>,
    state: State,
}

/// How far the stream has come.
enum State {
    /// Nothing has come yet.
    Fresh,
    /// Not for this filter: other traffic, or an answer that a filter of the gateway gave.
    Aside,
    /// The request's body is being read.
    Reading(Reading),
    /// The request went on; its provider's answer will come.
    Sent(Box<Sent>),
    /// The provider failed, and the fallback is being asked.
    Asking(Box<Asking>),
    /// The answer's head has gone on.
    Answering(Answering),
}

/// A request whose body is being read.
struct Reading {
    endpoint: Endpoint,
    /// The shape in which the client reads errors.
    api: Api,
    client: ClientHeaders,
}

/// A request that went on.
struct Sent {
    provenance: Provenance,
    fallback: Option<Alternative>,
}

/// A request whose provider failed, and whose fallback is being asked.
struct Asking {
    failed: Provenance,
    asked: Asked,
}

impl RouteStream {
    pub(crate) fn new(routing: Rc<Routing>) -> Self {
        Self {
            routing,
            state: State::Fresh,
        }
    }

    pub(crate) fn handle(self, now: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        let Self { routing, state } = self;
        let (state, flow) = state.handle(&routing, now, event, host);
        (Self { routing, state }, flow)
    }
}

impl State {
    fn handle(
        self,
        routing: &Routing,
        now: Time,
        event: Event<'_>,
        host: &mut dyn Host,
    ) -> (Self, Flow) {
        match (self, event) {
            (
                Self::Fresh,
                Event::RequestHeaders {
                    headers,
                    end_of_stream,
                },
            ) => begin(routing, headers, end_of_stream, host),
            (
                Self::Reading(reading),
                Event::RequestBody {
                    body,
                    end_of_stream,
                },
            ) => {
                if end_of_stream {
                    reading.decide(routing, body, host)
                } else {
                    (Self::Reading(reading), Flow::Hold)
                }
            }
            (Self::Reading(reading), Event::RequestTrailers) => {
                refuse_with(host, reading.api, Refused::Trailers)
            }
            // The proxy answers, such as with 413 for a body that is too large.
            (Self::Reading(_), Event::ResponseHeaders { .. }) => (Self::Aside, Flow::Continue),
            (
                Self::Sent(sent),
                Event::ResponseHeaders {
                    headers,
                    end_of_stream,
                },
            ) => sent.answered(routing, now, headers, end_of_stream, host),
            (
                Self::Asking(asking),
                Event::CallAnswered {
                    call,
                    answer,
                    headers,
                },
            ) => {
                if call == asking.asked.call {
                    asking.answered(routing, now, answer, headers, host)
                } else {
                    (Self::Asking(asking), Flow::Await)
                }
            }
            (
                Self::Answering(answering),
                Event::ResponseBody {
                    body,
                    end_of_stream,
                },
            ) => {
                let (answering, flow) = answering.body(body, end_of_stream, host);
                (Self::Answering(answering), flow)
            }
            (Self::Answering(answering), Event::ResponseTrailers) => {
                (Self::Answering(answering.trailers()), Flow::Continue)
            }
            (state, _) => (state, Flow::Continue),
        }
    }
}

/// The request's headers have come.
fn begin(
    routing: &Routing,
    headers: &mut dyn Headers,
    end_of_stream: bool,
    host: &mut dyn Host,
) -> (State, Flow) {
    let Traffic::Governed { api, endpoint } = Traffic::of(host) else {
        return (State::Aside, Flow::Continue);
    };
    if !endpoint.has_body() {
        return list(routing, api, endpoint, headers, host);
    }
    if end_of_stream {
        return refuse_with(host, api, Refused::EmptyBody);
    }
    let reading = Reading {
        endpoint,
        api,
        client: ClientHeaders::of(&headers.all()),
    };
    headers.forget_length();
    (State::Reading(reading), Flow::Continue)
}

/// Answers a question for the models that there are.
fn list(
    routing: &Routing,
    api: Api,
    endpoint: Endpoint,
    headers: &dyn Headers,
    host: &mut dyn Host,
) -> (State, Flow) {
    let Some(allowed) = AllowedModels::of(host) else {
        return refuse_with(host, api, Refused::NoIdentity);
    };
    let catalog = &routing.catalog;
    if endpoint == Endpoint::Models {
        let reply = models_list::list(catalog, &allowed, api);
        return (State::Aside, Flow::Reply(reply));
    }
    let path = headers.get(":path").unwrap_or_default();
    let id = llm_api::model_id(&path).unwrap_or_default();
    match models_list::one(catalog, &allowed, api, &id) {
        Ok(reply) => (State::Aside, Flow::Reply(reply)),
        Err(refused) => refuse_with(host, api, refused),
    }
}

fn refuse_with(host: &mut dyn Host, api: Api, refused: Refused) -> (State, Flow) {
    (State::Aside, refuse(host, NAME, api, &refused.into()))
}

impl Reading {
    /// The whole body is here: where does it go?
    fn decide(self, routing: &Routing, body: &dyn Body, host: &mut dyn Host) -> (State, Flow) {
        let bytes = body.read();
        match self.plan(routing, &bytes, host) {
            Ok(plan) => plan.send(self, routing, bytes, host),
            Err(refused) => refuse_with(host, self.api, refused),
        }
    }

    fn plan(&self, routing: &Routing, body: &[u8], host: &dyn Host) -> Result<Plan, Refused> {
        let allowed = AllowedModels::of(host).ok_or(Refused::NoIdentity)?;
        let request = Request::parse(self.endpoint, body)?;
        let name = request.model().decode();
        let model = Authorized::model(&routing.catalog, &allowed, &name)?;
        if let Some(object) = request.stored_objects()?.first() {
            return Err(Refused::StoredObject(object.member));
        }
        let prepared = translate::prepare(self.endpoint, &request, body, model.first())?;
        Ok(Plan { model, prepared })
    }
}

/// Where a request goes, and how.
struct Plan {
    model: Authorized,
    prepared: Prepared,
}

impl Plan {
    fn send(
        self,
        reading: Reading,
        routing: &Routing,
        bytes: Vec<u8>,
        host: &mut dyn Host,
    ) -> (State, Flow) {
        let Self { model, prepared } = self;
        let Prepared {
            body,
            answer,
            dropped,
        } = prepared;
        let Reading {
            endpoint,
            api,
            client,
        } = reading;
        let target = model.first().clone();
        host.publish(key::REQUESTED_MODEL, model.name().as_bytes());
        target.publish(host);
        outgoing::decision(&target.provider, endpoint, api).publish(host);
        let (flow, original) = match body {
            BodyForm::Unchanged => (Flow::Continue, bytes),
            BodyForm::Changed(changed) => (Flow::Replace(changed), bytes),
        };
        let kept = original.len() <= routing.limits.fallback_request_bytes;
        let fallback = model.fallback().filter(|_| kept).map(|next| Alternative {
            target: next.clone(),
            endpoint,
            client,
            body: original,
        });
        let provenance = Provenance {
            target,
            requested: model.name().to_owned(),
            answer,
            dropped,
            api,
        };
        let sent = Sent {
            provenance,
            fallback,
        };
        (State::Sent(Box::new(sent)), flow)
    }
}

impl Sent {
    /// The head of an answer has come: the provider's, the cache's, the proxy's own, or that of a
    /// filter behind this one.
    fn answered(
        self,
        routing: &Routing,
        now: Time,
        headers: &mut dyn Headers,
        end_of_stream: bool,
        host: &mut dyn Host,
    ) -> (State, Flow) {
        let Self {
            provenance,
            fallback,
        } = self;
        if host.fact(key::REFUSED).is_some() {
            // A filter behind this one has answered, in the client's API.
            return (State::Aside, Flow::Continue);
        }
        // An answer that ends with its head can't be given a body.
        let due = !end_of_stream && fallback::is_due(headers);
        let asked = fallback
            .filter(|_| due)
            .and_then(|alternative| alternative.ask(&provenance, routing, host));
        if let Some(asked) = asked {
            let failed = provenance;
            let asking = Asking { failed, asked };
            return (State::Asking(Box::new(asking)), Flow::Await);
        }
        let most = routing.limits.answer_bytes;
        let answering = Answering::begin(&provenance, most, now, headers, end_of_stream, host);
        (State::Answering(answering), Flow::Continue)
    }
}

impl Asking {
    /// The fallback's answer stands in the place of the failure, or the failure goes on.
    fn answered(
        self,
        routing: &Routing,
        now: Time,
        answer: Option<&dyn Answer>,
        headers: &mut dyn Headers,
        host: &mut dyn Host,
    ) -> (State, Flow) {
        let Self { failed, asked } = self;
        let answering = asked
            .answered(answer, &failed, routing, now, headers, host)
            .unwrap_or_else(|| {
                let most = routing.limits.answer_bytes;
                Answering::begin(&failed, most, now, headers, false, host)
            });
        (State::Answering(answering), Flow::Continue)
    }
}
