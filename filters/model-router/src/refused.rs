//! Why the role `route` refuses a request, and what the client is told.

use facts::Refusal;
use llm_api::BodyError;

use crate::translate::untranslatable::Untranslatable;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// `auth` verified nobody, so nobody may use anything.
    NoIdentity,
    EmptyBody,
    Trailers,
    Malformed(BodyError),
    UnknownModel,
    ForbiddenModel,
    /// A member names an object that the provider stores. Such objects belong to its one account,
    /// not to a tenant: naming one would read another tenant's.
    StoredObject(&'static str),
    /// The model's provider doesn't have the endpoint. What to use in its place, for people.
    UnsupportedEndpoint(&'static str),
    Untranslatable(Untranslatable),
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        Self::Malformed(error)
    }
}

impl From<Untranslatable> for Refused {
    fn from(error: Untranslatable) -> Self {
        Self::Untranslatable(error)
    }
}

impl From<Refused> for Refusal {
    /// Nothing in a message comes from the client, and none tells which other models there are.
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoIdentity => Self::new(
                503,
                "no_identity",
                "The gateway can't serve this request now.",
            ),
            Refused::EmptyBody => Self::new(400, "empty_body", "The request has no body."),
            Refused::Trailers => Self::trailers(),
            Refused::Malformed(error) => Self::malformed_body(error),
            Refused::UnknownModel => Self::new(404, "unknown_model", "The model does not exist.")
                .with_code("model_not_found")
                .with_param("model"),
            Refused::ForbiddenModel => {
                Self::new(403, "model_not_allowed", "You may not use this model.")
                    .with_code("model_not_allowed")
                    .with_param("model")
            }
            Refused::StoredObject(member) => {
                let message = "Objects that are stored at the provider can't be used here.";
                Self::new(400, "stored_object", message)
                    .with_code("unsupported_parameter")
                    .with_param(member)
            }
            Refused::UnsupportedEndpoint(message) => {
                Self::new(400, "unsupported_endpoint", message)
                    .with_code("unsupported_endpoint")
                    .with_param("model")
            }
            Refused::Untranslatable(error) => untranslatable(error),
        }
    }
}

fn untranslatable(error: Untranslatable) -> Refusal {
    match error {
        Untranslatable::Malformed(member) => {
            let message = format!("`{member}` does not have the form that it must have.");
            Refusal::new(400, "malformed_body", message).with_param(member)
        }
        Untranslatable::Twice => Refusal::new(
            400,
            "malformed_body",
            "A member of the request is given twice.",
        ),
        Untranslatable::Unsupported { member, message } => {
            Refusal::new(400, "unsupported_parameter", message)
                .with_code("unsupported_parameter")
                .with_param(member)
        }
    }
}
