//! Requests that can't be said in the provider's API.

/// Why a request can't be said in the provider's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untranslatable {
    /// A member isn't of the form that the client's API gives it.
    Malformed(&'static str),
    /// A member is given twice: the provider might be told the one that the client didn't mean.
    Twice,
    /// The provider's API has nothing for it, and without it the answer would be another one.
    Unsupported {
        member: &'static str,
        /// What the client is told, a whole sentence.
        message: &'static str,
    },
}
