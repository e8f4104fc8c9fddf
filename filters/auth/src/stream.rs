//! One request at the door.

use std::rc::Rc;

use facts::{Refusal, Traffic, key, publish_api, refuse};
use http_filter::{ConnectionProperty, Event, Events, Filter, Flow, Headers, Host, Stream, Time};
use llm_api::{Api, Endpoint};

use crate::Auth;
use crate::authenticate::Authenticator;
use crate::config::Config;
use crate::credential::without_key;
use crate::door;
use crate::metrics::{self, Outcome};
use crate::refused;
use crate::sources::Source;
use crate::verdict::{Class, Verdict, Waits};
use crate::waiting_room::Seat;

/// The prefix of headers that only this gateway may set.
const OWN_HEADERS: &str = "x-ai-";

/// One request at the door.
pub enum AuthStream {
    /// Its headers haven't come.
    Waiting(Waiting),
    /// It is an LLM request, and stopped until keys have come.
    Stopped(Stopped),
    /// It is an LLM request of somebody known.
    Governed(Api),
    /// It is none of ours, or was refused: nothing more is to be done.
    Settled,
}

/// A stream whose headers haven't come.
pub struct Waiting(Authenticator);

/// A request that waits for keys.
pub struct Stopped {
    asked: Asked,
    /// When it is decided whether keys come.
    until: Time,
    _seat: Seat,
}

/// An LLM request whose caller is to be found.
struct Asked {
    authenticator: Authenticator,
    sources: Rc<[Source]>,
    api: Api,
    endpoint: Result<Endpoint, Refusal>,
    query_key: Option<Vec<u8>>,
    end_of_stream: bool,
}

impl AuthStream {
    pub(crate) fn new(authenticator: Authenticator) -> Self {
        Self::Waiting(Waiting(authenticator))
    }
}

impl Stream for AuthStream {
    /// It never looks at a body or an answer.
    const EVENTS: Events = Events::REQUEST_TRAILERS;

    fn handle(self, now: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        match (self, event) {
            (
                Self::Waiting(Waiting(authenticator)),
                Event::RequestHeaders {
                    headers,
                    end_of_stream,
                },
            ) => match Asked::of(authenticator, headers, end_of_stream, host) {
                Some(asked) => asked.decide(headers, now, host),
                None => (Self::Settled, Flow::Continue),
            },
            (Self::Stopped(stopped), Event::Woken { headers }) => {
                stopped.decide(headers, now, host)
            }
            // What stands in trailers no filter behind this one would see in time.
            (Self::Governed(api), Event::RequestTrailers) => {
                let flow = refuse(host, Auth::NAME, api, &Refusal::trailers());
                (Self::Settled, flow)
            }
            (state, _) => (state, Flow::Continue),
        }
    }
}

impl Asked {
    /// What a request asks for; `None` where it passes without anybody asking who calls.
    fn of(
        authenticator: Authenticator,
        headers: &mut dyn Headers,
        end_of_stream: bool,
        host: &mut dyn Host,
    ) -> Option<Self> {
        if remove_own_headers(headers) {
            // The route was chosen with them.
            host.choose_route_anew();
        }
        let authority = headers.get(":authority");
        let port = || listener_port(host);
        let hosts = &authenticator.config.hosts;
        let Some(sources) = hosts.sources(authority.as_deref(), port) else {
            Traffic::Passed.publish(host);
            return None;
        };
        let sources = Rc::clone(sources);
        let method = headers.get(":method").unwrap_or_default();
        let path = headers.get(":path").unwrap_or_default();
        let query_key = without_key(&path).and_then(|without| {
            headers.set(":path", &without.path);
            without.key
        });
        let anthropic = headers.get("anthropic-version").is_some();
        if door::is_preflight(&method, headers, end_of_stream) {
            Traffic::Passed.publish(host);
            return None;
        }
        let (api, endpoint) = match llm_api::classify(&method, &path, anthropic) {
            llm_api::Traffic::Governed { api, endpoint } => (api, Ok(endpoint)),
            llm_api::Traffic::Refused { api, reason } => (api, Err(door::not_served(reason))),
        };
        Some(Self {
            authenticator,
            sources,
            api,
            endpoint,
            query_key,
            end_of_stream,
        })
    }

    fn decide(
        self,
        headers: &mut dyn Headers,
        now: Time,
        host: &mut dyn Host,
    ) -> (AuthStream, Flow) {
        let mut waits = match self.verdict(headers, now, host) {
            Verdict::Waits(waits) if !self.authenticator.config.is_watching => waits,
            verdict => return self.settle(verdict, headers, host),
        };
        let room = &self.authenticator.waiting_room;
        let Some(seat) = room.take(waits.fault.issuer(), self.body_bytes(headers)) else {
            waits.fault.class = Class::NotReady;
            waits.fault.reason = "too_many_waiting";
            return self.settle(Verdict::Refused(waits.fault), headers, host);
        };
        let stopped = Stopped {
            asked: self,
            until: waits.until,
            _seat: seat,
        };
        (AuthStream::Stopped(stopped), Flow::Await)
    }

    /// How long its body is, as far as it says so; the proxy holds it to that.
    fn body_bytes(&self, headers: &dyn Headers) -> Option<usize> {
        if self.end_of_stream {
            return Some(0);
        }
        let length = headers.get("content-length")?;
        std::str::from_utf8(&length).ok()?.parse().ok()
    }

    fn verdict(&self, headers: &mut dyn Headers, now: Time, host: &mut dyn Host) -> Verdict {
        let query_key = self.query_key.as_deref();
        self.authenticator
            .authenticate(&self.sources, headers, query_key, now, host)
    }

    /// First who calls, then what: a stranger learns nothing about what is served.
    fn settle(
        self,
        verdict: Verdict,
        headers: &mut dyn Headers,
        host: &mut dyn Host,
    ) -> (AuthStream, Flow) {
        let api = self.api;
        let admitted = identify(verdict, &self.authenticator.config, host)
            .and_then(|()| admit(headers, api, self.endpoint, self.end_of_stream, host));
        match admitted {
            Ok(()) => (AuthStream::Governed(api), Flow::Continue),
            Err(refusal) => {
                publish_api(api, host);
                (AuthStream::Settled, refuse(host, Auth::NAME, api, &refusal))
            }
        }
    }
}

impl Stopped {
    /// The worker has news, maybe for this request.
    fn decide(
        self,
        headers: &mut dyn Headers,
        now: Time,
        host: &mut dyn Host,
    ) -> (AuthStream, Flow) {
        match self.asked.verdict(headers, now, host) {
            Verdict::Waits(_) if now < self.until => (AuthStream::Stopped(self), Flow::Await),
            verdict => self.asked.settle(verdict, headers, host),
        }
    }
}

/// Publishes who calls, and counts it.
///
/// # Errors
/// What to tell somebody who isn't let in.
fn identify(verdict: Verdict, config: &Config, host: &mut dyn Host) -> Result<(), Refusal> {
    let (fault, shadow) = match verdict {
        Verdict::Known(good) => {
            metrics::count(host, Outcome::Accepted(&good));
            good.identity.publish(host);
            return Ok(());
        }
        Verdict::Watched(fault) => (fault, config.shadow.as_deref()),
        Verdict::Refused(fault) | Verdict::Waits(Waits { fault, .. }) => (
            fault,
            config.shadow.as_deref().filter(|_| config.is_watching),
        ),
    };
    let Some(shadow) = shadow else {
        metrics::count(host, Outcome::Refused(&fault));
        return Err(refused::refusal(&fault));
    };
    metrics::count(host, Outcome::Shadowed(&fault));
    host.publish(key::SHADOWED, fault.reason.as_bytes());
    shadow.publish(host);
    Ok(())
}

/// Lets a request of somebody known through to the filters behind, if they can read it.
fn admit(
    headers: &dyn Headers,
    api: Api,
    endpoint: Result<Endpoint, Refusal>,
    end_of_stream: bool,
    host: &mut dyn Host,
) -> Result<(), Refusal> {
    let endpoint = endpoint?;
    door::check(headers, endpoint, end_of_stream)?;
    Traffic::Governed { api, endpoint }.publish(host);
    Ok(())
}

fn listener_port(host: &dyn Host) -> Option<u16> {
    let port = host.connection(ConnectionProperty::DestinationPort)?;
    std::str::from_utf8(&port).ok()?.parse().ok()
}

/// Removes what a client could pass off as the gateway's own word; whether there was any.
fn remove_own_headers(headers: &mut dyn Headers) -> bool {
    let mut own = Vec::new();
    headers.visit(&mut |name, _| {
        if name.starts_with(OWN_HEADERS) {
            own.push(name.to_owned());
        }
    });
    for name in &own {
        headers.remove(name);
    }
    !own.is_empty()
}
