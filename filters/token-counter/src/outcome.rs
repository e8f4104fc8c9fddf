//! What a request came to.

use facts::key;
use http_filter::Host;
use llm_api::{Endpoint, Usage};

use crate::estimate::{Estimate, has_output};
use crate::failure::Failure;
use crate::usage_reader::Reading;

/// How the answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// No headers of an answer came before the stream ended.
    NotAtAll,
    /// With a status that is no success: a refusal of a filter behind this one, or an error.
    WithError(Failure),
    /// With a success, as far as it was read.
    With(Reading),
}

/// What a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It cost nothing.
    Free,
    /// The cache answered: it cost nothing either.
    CacheHit,
    /// The provider counted it.
    Counted(Usage),
    /// The provider didn't, or was cut short.
    Estimated(Usage),
}

impl Outcome {
    /// Judges by the answer and by what the filters behind this one have published.
    pub(crate) fn of(
        endpoint: Endpoint,
        estimate: Estimate,
        answered: Answered,
        host: &dyn Host,
    ) -> Self {
        if endpoint == Endpoint::CountTokens {
            return Self::Free;
        }
        match answered {
            Answered::WithError(_) => Self::Free,
            Answered::NotAtAll => Self::Estimated(Usage {
                input: estimate.input,
                ..Usage::default()
            }),
            Answered::With(_) if host.fact(key::CACHE).as_deref() == Some(b"hit") => Self::CacheHit,
            Answered::With(reading) => {
                Self::of_reading(endpoint, estimate, reading, facts::usage(host))
            }
        }
    }

    /// `translated` is what the router read of the provider's own answer; it knows more than
    /// what the translation can say.
    fn of_reading(
        endpoint: Endpoint,
        estimate: Estimate,
        reading: Reading,
        translated: Option<Usage>,
    ) -> Self {
        let output_seen = match has_output(endpoint) {
            true => reading.output_seen,
            false => 0,
        };
        match translated.or(reading.reported) {
            Some(usage) if reading.is_complete => Self::Counted(usage),
            Some(usage) => Self::Estimated(Usage {
                output: usage.output.max(output_seen),
                ..usage
            }),
            None => Self::Estimated(Usage {
                input: estimate.input,
                output: output_seen,
                ..Usage::default()
            }),
        }
    }

    /// What it cost.
    pub(crate) fn usage(self) -> Usage {
        match self {
            Self::Free | Self::CacheHit => Usage::default(),
            Self::Counted(usage) | Self::Estimated(usage) => usage,
        }
    }
}
