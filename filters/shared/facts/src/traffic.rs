//! Whether a stream is LLM traffic.

use http_filter::Host;
use llm_api::{Api, Endpoint};

use crate::key;

/// What `auth`, the first filter, found a stream to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// LLM traffic: every filter does its work on it.
    Governed {
        /// The shape in which this client reads errors and lists.
        api: Api,
        /// What it asks for.
        endpoint: Endpoint,
    },
    /// Another host of the same listener, or a preflight request: filters leave it alone.
    Passed,
    /// `auth` hasn't said: it is not in the chain, or it refused. Nothing may go upstream.
    Unknown,
}

impl Traffic {
    /// Reads what `auth` published.
    #[must_use]
    pub fn of(host: &dyn Host) -> Self {
        match host.fact(key::TRAFFIC).as_deref() {
            Some(b"governed") => governed(host).unwrap_or(Self::Unknown),
            Some(b"passed") => Self::Passed,
            _ => Self::Unknown,
        }
    }

    /// Publishes it; for `auth` only.
    pub fn publish(self, host: &mut dyn Host) {
        match self {
            Self::Governed { api, endpoint } => {
                host.publish(key::TRAFFIC, b"governed");
                host.publish(key::ENDPOINT, endpoint.name().as_bytes());
                host.publish(key::API, api.name().as_bytes());
            }
            Self::Passed => host.publish(key::TRAFFIC, b"passed"),
            Self::Unknown => {}
        }
    }
}

fn governed(host: &dyn Host) -> Option<Traffic> {
    let text = |key| String::from_utf8(host.fact(key)?).ok();
    Some(Traffic::Governed {
        api: Api::from_name(&text(key::API)?)?,
        endpoint: Endpoint::from_name(&text(key::ENDPOINT)?)?,
    })
}
