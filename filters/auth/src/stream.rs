//! One request at the door.

use std::rc::Rc;

use facts::{Refusal, Traffic, refuse};
use http_filter::{Event, Filter, Flow, Headers, Host, Stream, Time};
use llm_api::{Api, Endpoint};

use crate::Auth;
use crate::config::Config;
use crate::credential::{NotAuthenticated, authenticate, path_without_key};
use crate::door;

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
    config: Rc<Config>,
}

impl AuthStream {
    pub(crate) fn new(config: Rc<Config>) -> Self {
        Self::Waiting(Waiting { config })
    }
}

impl Stream for AuthStream {
    fn handle(self, _: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        match (self, event) {
            (
                Self::Waiting(waiting),
                Event::RequestHeaders {
                    headers,
                    end_of_stream,
                },
            ) => waiting.decide(headers, end_of_stream, host),
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
        host: &mut dyn Host,
    ) -> (AuthStream, Flow) {
        if remove_own_headers(headers) {
            // The route was chosen with them.
            host.choose_route_anew();
        }
        if !self
            .config
            .hosts
            .contain(headers.get(":authority").as_deref())
        {
            Traffic::Passed.publish(host);
            return (AuthStream::Settled, Flow::Continue);
        }
        let method = headers.get(":method").unwrap_or_default();
        let path = headers.get(":path").unwrap_or_default();
        if let Some(path) = path_without_key(&path) {
            headers.set(":path", &path);
        }
        let anthropic = headers.get("anthropic-version").is_some();
        let (api, endpoint) = match llm_api::classify(&method, &path, anthropic) {
            llm_api::Traffic::Preflight => {
                Traffic::Passed.publish(host);
                return (AuthStream::Settled, Flow::Continue);
            }
            llm_api::Traffic::Governed { api, endpoint } => (api, Ok(endpoint)),
            llm_api::Traffic::Refused { api, reason } => (api, Err(door::not_served(reason))),
        };
        match self.admit(headers, api, endpoint, end_of_stream, host) {
            Ok(()) => (AuthStream::Governed(api), Flow::Continue),
            Err(refusal) => {
                host.publish(facts::key::API, api.name().as_bytes());
                (AuthStream::Settled, refuse(host, Auth::NAME, api, &refusal))
            }
        }
    }

    /// First who calls, then what: a stranger learns nothing about what is served.
    fn admit(
        &self,
        headers: &mut dyn Headers,
        api: Api,
        endpoint: Result<Endpoint, Refusal>,
        end_of_stream: bool,
        host: &mut dyn Host,
    ) -> Result<(), Refusal> {
        let identity = authenticate(headers, &self.config.keys).map_err(unauthorized)?;
        identity.publish(host);
        let endpoint = endpoint?;
        door::check(headers, endpoint, end_of_stream)?;
        // Filters behind this one may edit the body. The proxy's buffer counts what they left,
        // where no count stands already.
        headers.remove("content-length");
        Traffic::Governed { api, endpoint }.publish(host);
        Ok(())
    }
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

/// 401: the log knows why, the client only that it isn't known.
fn unauthorized(reason: NotAuthenticated) -> Refusal {
    let (reason, message) = match reason {
        NotAuthenticated::NoCredential => (
            "no_credential",
            "No API key was sent. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
        ),
        NotAuthenticated::UnknownKey => ("unknown_key", "The API key is not valid."),
        NotAuthenticated::Disagreement => ("keys_disagree", "The API key is not valid."),
    };
    Refusal::new(401, reason, message)
        .with_code("invalid_api_key")
        .with_challenge("Bearer")
}
