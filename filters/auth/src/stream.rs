//! One request at the door.

use facts::{Identity, Refusal, Traffic, key, refuse};
use http_filter::{ConnectionProperty, Event, Filter, Flow, Headers, Host, Stream, Time};
use llm_api::{Api, Endpoint};

use crate::Auth;
use crate::authenticate::Authenticator;
use crate::credential::without_key;
use crate::door;
use crate::metrics::{self, Outcome};
use crate::refused;
use crate::verdict::{Fault, Verdict};

/// The prefix of headers that only this gateway may set.
const OWN_HEADERS: &str = "x-ai-";

/// One request at the door.
pub enum AuthStream {
    /// Its headers haven't come.
    Waiting(Waiting),
    /// It is an LLM request of somebody known.
    Governed(Api),
    /// It is none of ours, or was refused: nothing more is to be done.
    Settled,
}

/// A stream whose headers haven't come.
pub struct Waiting {
    authenticator: Authenticator,
}

impl AuthStream {
    pub(crate) fn new(authenticator: Authenticator) -> Self {
        Self::Waiting(Waiting { authenticator })
    }
}

impl Stream for AuthStream {
    fn handle(self, now: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        match (self, event) {
            (
                Self::Waiting(waiting),
                Event::RequestHeaders {
                    headers,
                    end_of_stream,
                },
            ) => waiting.decide(headers, end_of_stream, now, host),
            // What stands in trailers no filter behind this one would see in time.
            (Self::Governed(api), Event::RequestTrailers) => {
                let flow = refuse(host, Auth::NAME, api, &Refusal::trailers());
                (Self::Settled, flow)
            }
            (state, _) => (state, Flow::Continue),
        }
    }
}

impl Waiting {
    fn decide(
        self,
        headers: &mut dyn Headers,
        end_of_stream: bool,
        now: Time,
        host: &mut dyn Host,
    ) -> (AuthStream, Flow) {
        if remove_own_headers(headers) {
            // The route was chosen with them.
            host.choose_route_anew();
        }
        let config = &self.authenticator.config;
        let authority = headers.get(":authority");
        let port = || listener_port(host);
        let Some(sources) = config.hosts.sources(authority.as_deref(), port) else {
            Traffic::Passed.publish(host);
            return (AuthStream::Settled, Flow::Continue);
        };
        let method = headers.get(":method").unwrap_or_default();
        let path = headers.get(":path").unwrap_or_default();
        let query_key = without_key(&path).and_then(|without| {
            headers.set(":path", &without.path);
            without.key
        });
        let anthropic = headers.get("anthropic-version").is_some();
        let (api, endpoint) = match llm_api::classify(&method, &path, anthropic) {
            llm_api::Traffic::Preflight => {
                Traffic::Passed.publish(host);
                return (AuthStream::Settled, Flow::Continue);
            }
            llm_api::Traffic::Governed { api, endpoint } => (api, Ok(endpoint)),
            llm_api::Traffic::Refused { api, reason } => (api, Err(door::not_served(reason))),
        };
        let verdict =
            self.authenticator
                .authenticate(sources, headers, query_key.as_deref(), now, host);
        let admitted = self
            .caller(verdict, host)
            .and_then(|()| admit(headers, api, endpoint, end_of_stream, host));
        match admitted {
            Ok(()) => (AuthStream::Governed(api), Flow::Continue),
            Err(refusal) => {
                host.publish(key::API, api.name().as_bytes());
                (AuthStream::Settled, refuse(host, Auth::NAME, api, &refusal))
            }
        }
    }

    /// First who calls, then what: a stranger learns nothing about what is served.
    fn caller(&self, verdict: Verdict, host: &mut dyn Host) -> Result<(), Refusal> {
        let config = &self.authenticator.config;
        match (verdict, &config.shadow) {
            (Verdict::Known(good), _) => {
                metrics::count(host, Outcome::Accepted(&good));
                good.identity.publish(host);
                Ok(())
            }
            (Verdict::Watched(fault), Some(shadow)) => {
                let_through(&fault, shadow, host);
                Ok(())
            }
            (Verdict::Refused(fault), Some(shadow)) if config.is_watching => {
                let_through(&fault, shadow, host);
                Ok(())
            }
            (Verdict::Watched(fault) | Verdict::Refused(fault), _) => {
                metrics::count(host, Outcome::Refused(&fault));
                Err(refused::refusal(&fault))
            }
        }
    }
}

/// Lets somebody through who would be refused, as whom the configuration says.
fn let_through(fault: &Fault, shadow: &Identity, host: &mut dyn Host) {
    metrics::count(host, Outcome::Shadowed(fault));
    host.publish(key::SHADOWED, fault.reason.as_bytes());
    shadow.publish(host);
}

/// Lets a request of somebody known through to the filters behind, if they can read it.
fn admit(
    headers: &mut dyn Headers,
    api: Api,
    endpoint: Result<Endpoint, Refusal>,
    end_of_stream: bool,
    host: &mut dyn Host,
) -> Result<(), Refusal> {
    let endpoint = endpoint?;
    door::check(headers, endpoint, end_of_stream)?;
    // Filters behind this one may edit the body. The proxy's buffer counts what they left,
    // where no count stands already.
    headers.remove("content-length");
    Traffic::Governed { api, endpoint }.publish(host);
    Ok(())
}

fn listener_port(host: &dyn Host) -> Option<u16> {
    let port = host.connection(ConnectionProperty::DestinationPort)?;
    std::str::from_utf8(&port).ok()?.parse().ok()
}

/// Removes what a client could pass off as the gateway's own word; whether there was any.
fn remove_own_headers(headers: &mut dyn Headers) -> bool {
    let all = headers.all().into_iter().map(|(name, _)| name);
    let own: Vec<String> = all.filter(|name| name.starts_with(OWN_HEADERS)).collect();
    for name in &own {
        headers.remove(name);
    }
    !own.is_empty()
}
