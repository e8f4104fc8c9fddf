//! What the proxy shall do with the message that an event belongs to.

use crate::Reply;

/// What the proxy shall do with the message that an event belongs to.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Pass on what the event showed, with the changes made to its headers.
    Continue,
    /// Keep this piece of the request's body and come again with more of it, or with trailers.
    ///
    /// Only for [`RequestBody`](crate::Event::RequestBody). The pieces are kept by the proxy,
    /// which refuses a body above its own bound with 413.
    Hold,
    /// Stop the message here until a call that this stream made is answered, or until the worker
    /// wakes its streams.
    ///
    /// Only for header events and for the end of a request's body. The flow that is returned
    /// for the answer, or for [`Woken`](crate::Event::Woken), decides how the message goes on.
    Await,
    /// Answer the client now; nothing of the request goes further.
    ///
    /// Only before response headers have come: later an answer would pass by the other filters.
    Reply(Reply),
    /// Let these bytes go on instead of the body bytes that the event showed.
    ///
    /// Only for body events. After [`Flow::Hold`] that is the whole body so far.
    Replace(Vec<u8>),
}

impl Flow {
    /// What kind of flow it is, for a trace log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Hold => "hold",
            Self::Await => "await",
            Self::Reply(_) => "reply",
            Self::Replace(_) => "replace",
        }
    }
}
