//! What happens to a stream, and to a worker.

use crate::{Answer, Body, CallId, Headers};

/// What happened to one HTTP stream.
///
/// Headers can be read and changed only in the event that carries them: once they have been let
/// go the proxy has sent them on.
pub enum Event<'a> {
    /// The request's headers are here.
    RequestHeaders {
        /// The request's headers, with HTTP/2's pseudo-headers (`:method`, `:path`, `:authority`).
        headers: &'a mut dyn Headers,
        /// No body follows.
        end_of_stream: bool,
    },
    /// A piece of the request's body; after [`Flow::Hold`](crate::Flow::Hold), all that has come.
    RequestBody {
        /// What can be read now.
        body: &'a dyn Body,
        /// The body is complete. It stays `false` where trailers follow.
        end_of_stream: bool,
    },
    /// The request ends with trailers: what was held of its body is complete.
    RequestTrailers,
    /// The response's headers are here: the upstream's, or those of a reply given behind this
    /// filter.
    ResponseHeaders {
        /// The response's headers, with `:status`.
        headers: &'a mut dyn Headers,
        /// No body follows.
        end_of_stream: bool,
    },
    /// A piece of the response's body.
    ResponseBody {
        /// The piece.
        body: &'a dyn Body,
        /// The last piece. It stays `false` where trailers follow.
        end_of_stream: bool,
    },
    /// The response ends with trailers. Nothing can be put before them any more.
    ResponseTrailers,
    /// A call of this stream has its answer. The flow that is returned is for the message that
    /// [`Flow::Await`](crate::Flow::Await) stopped.
    CallAnswered {
        /// Which call.
        call: CallId,
        /// What came back; `None` when the call failed or took too long.
        answer: Option<&'a dyn Answer>,
        /// The headers of the message that was stopped at its headers.
        headers: &'a mut dyn Headers,
    },
    /// The worker woke the streams that wait, see
    /// [`WorkerHost::wake`](crate::WorkerHost::wake). The flow that is returned is for the message
    /// that [`Flow::Await`](crate::Flow::Await) stopped; `Await` waits on.
    Woken {
        /// The headers of the message that was stopped at its headers.
        headers: &'a mut dyn Headers,
    },
    /// The stream is over: answered, reset or left by the client. Headers and bodies are gone;
    /// facts can still be published for the access log.
    Ended,
}

impl Event<'_> {
    /// What kind of event it is, for a trace log: `request_body`; `request_body_end` for the last
    /// piece.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RequestHeaders { .. } => "request_headers",
            Self::RequestBody {
                end_of_stream: false,
                ..
            } => "request_body",
            Self::RequestBody { .. } => "request_body_end",
            Self::RequestTrailers => "request_trailers",
            Self::ResponseHeaders { .. } => "response_headers",
            Self::ResponseBody {
                end_of_stream: false,
                ..
            } => "response_body",
            Self::ResponseBody { .. } => "response_body_end",
            Self::ResponseTrailers => "response_trailers",
            Self::CallAnswered { .. } => "call_answered",
            Self::Woken { .. } => "woken",
            Self::Ended => "ended",
        }
    }
}

/// What happened on one worker, outside any stream.
pub enum WorkerEvent<'a> {
    /// The period of [`Filter::tick_period_milliseconds`](crate::Filter) has passed.
    Tick,
    /// A call of the worker has its answer.
    CallAnswered {
        /// Which call.
        call: CallId,
        /// What came back; `None` when the call failed or took too long.
        answer: Option<&'a dyn Answer>,
    },
}
