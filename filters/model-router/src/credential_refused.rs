//! When a provider refuses the gateway's credential.
//!
//! Only the operator can mend that, and a provider's words about it tell of the gateway's account:
//! the client learns that the gateway failed, and nothing that the provider said.

use llm_api::ErrorText;

use crate::NAME;
use crate::catalog::Provider;

/// Whether an answer with this status is about the gateway's credential: the client's own never
/// reaches a provider.
pub(crate) fn is_told_by(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// The status that the client is told.
pub(crate) const CLIENT_STATUS: u16 = 502;

/// What the client is told.
pub(crate) fn error() -> ErrorText<'static> {
    ErrorText {
        code: Some("provider_credential_refused"),
        ..ErrorText::new(
            CLIENT_STATUS,
            "The model's provider refused the gateway's credential.",
        )
    }
}

/// What the operator is told.
pub(crate) fn log(provider: &Provider, status: u16) {
    let name = &provider.name;
    log::error!("{NAME}: provider {name} answered {status} to the gateway's credential");
}
