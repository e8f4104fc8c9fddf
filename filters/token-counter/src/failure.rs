//! How a request failed that was admitted.

use crate::outcome::Answered;

/// How a request failed that was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// 429, by the provider or by a filter behind this one.
    RateLimited,
    /// Another 4xx.
    ClientError,
    /// Any other status that is no success.
    ServerError,
    /// Nothing came before the stream ended: the client left, or the connection broke.
    NoAnswer,
    /// A success that ended before its end, whoever left.
    Incomplete,
}

impl Failure {
    /// By a status that is no success.
    pub(crate) fn of_status(status: &[u8]) -> Self {
        match status {
            b"429" => Self::RateLimited,
            [b'4', ..] => Self::ClientError,
            _ => Self::ServerError,
        }
    }

    /// `None` where the answer was a success.
    pub(crate) fn of(answered: Answered) -> Option<Self> {
        match answered {
            Answered::NotAtAll => Some(Self::NoAnswer),
            Answered::WithError(failure) => Some(failure),
            Answered::With(reading) => (!reading.is_complete).then_some(Self::Incomplete),
        }
    }

    /// Its name in metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::NoAnswer => "no_answer",
            Self::Incomplete => "incomplete",
        }
    }
}
