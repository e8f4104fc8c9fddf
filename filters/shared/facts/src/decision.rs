//! How a request goes upstream.

use http_filter::Host;
use serde::{Deserialize, Serialize};

use crate::key;

/// How a request goes upstream: what `model-router` decided on the body, for the same module's
/// role `upstream`, which sees only headers. It holds no secret, but says which one to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The form's version, [`Decision::VERSION`].
    pub v: u32,
    /// The provider's name: the value of the routing header and the name of its credential.
    pub provider: String,
    /// The request's path at the provider.
    pub path: String,
    /// The header that carries the credential.
    pub credential_header: String,
    /// What stands before the credential in that header, such as `Bearer `.
    pub credential_prefix: String,
    /// Further headers that the provider's API asks for, by name.
    pub headers: std::collections::BTreeMap<String, String>,
    /// Headers of the client that mean something to this provider only when its API is the
    /// client's own; all others of their kind are removed.
    pub keep: Vec<String>,
}

impl Decision {
    /// The form's version.
    pub const VERSION: u32 = 1;

    /// Publishes the decision; for `model-router` only.
    pub fn publish(&self, host: &mut dyn Host) {
        match serde_json::to_vec(self) {
            Ok(json) => host.publish(key::DECISION, &json),
            Err(error) => log::error!("the decision can't be published: {error}"),
        }
    }

    /// Reads the decision; `None` where there is none of this version.
    #[must_use]
    pub fn of(host: &dyn Host) -> Option<Self> {
        let decision: Self = serde_json::from_slice(&host.fact(key::DECISION)?).ok()?;
        (decision.v == Self::VERSION).then_some(decision)
    }
}
