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
        let value = host.fact(key::TRAFFIC).unwrap_or_default();
        if value == PASSED {
            return Self::Passed;
        }
        governed(&value).unwrap_or(Self::Unknown)
    }

    /// Publishes it; for `auth` only.
    pub fn publish(self, host: &mut dyn Host) {
        match self {
            Self::Governed { api, endpoint } => {
                let value = [api.name(), SEPARATOR, endpoint.name()].concat();
                host.publish(key::TRAFFIC, value.as_bytes());
                publish_api(api, host);
            }
            Self::Passed => host.publish(key::TRAFFIC, PASSED),
            Self::Unknown => {}
        }
    }
}

/// Publishes in which shape the proxy's own replies are to come; for `auth` only, which knows it
/// of requests that it refuses as well.
///
/// OpenAI's is the one without a word.
pub fn publish_api(api: Api, host: &mut dyn Host) {
    if api != Api::OpenAi {
        host.publish(key::API, api.name().as_bytes());
    }
}

const PASSED: &[u8] = b"passed";

/// Between the names of API and endpoint, of which none has one.
const SEPARATOR: &str = ".";

fn governed(value: &[u8]) -> Option<Traffic> {
    let (api, endpoint) = std::str::from_utf8(value).ok()?.split_once(SEPARATOR)?;
    Some(Traffic::Governed {
        api: Api::from_name(api)?,
        endpoint: Endpoint::from_name(endpoint)?,
    })
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use llm_api::{Api, Endpoint};
    use test_host::TestHost;

    use super::Traffic;
    use crate::key;

    #[test]
    fn what_was_published_is_read_again() {
        let governed = [Api::OpenAi, Api::Anthropic].into_iter().flat_map(|api| {
            let of = move |endpoint| Traffic::Governed { api, endpoint };
            Endpoint::ALL.into_iter().map(of)
        });
        for traffic in governed.chain([Traffic::Passed, Traffic::Unknown]) {
            let mut host = TestHost::new();
            traffic.publish(&mut host);
            assert_eq!(Traffic::of(&host), traffic);
        }
    }

    #[test]
    fn anything_else_is_unknown() {
        for value in [
            "",
            "governed",
            "openai",
            "openai.",
            ".messages",
            "openai.files",
            "openai.messages.",
            "gemini.messages",
            "Passed",
        ] {
            let host = TestHost::new().with_fact(key::TRAFFIC, value);
            assert_eq!(Traffic::of(&host), Traffic::Unknown, "{value}");
        }
    }

    #[test]
    fn the_proxy_s_own_replies_are_told_of_the_other_shape_only() {
        for (api, told) in [(Api::OpenAi, None), (Api::Anthropic, Some("anthropic"))] {
            let mut host = TestHost::new();
            let endpoint = Endpoint::Models;
            Traffic::Governed { api, endpoint }.publish(&mut host);
            assert_eq!(host.fact_text(key::API).as_deref(), told);
        }
    }
}
