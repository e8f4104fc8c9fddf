//! One stream of a filter, run through a request and a response.

use http_filter::{CallId, Event, Flow, Reply, Stream, Time};

use crate::{TestAnswer, TestBody, TestHeaders, TestHost};

/// One stream of a filter between a client and an upstream that the test plays.
///
/// Bytes that the filter holds are kept and shown again with the next piece, as Envoy does.
pub struct Exchange<S: Stream> {
    stream: Option<S>,
    /// What the filter sees beyond the message.
    pub host: TestHost,
    /// The time that the filter is told; a test moves it.
    pub now: Time,
    held: Vec<u8>,
    replied: bool,
    response_begun: bool,
}

/// What became of a message, or of a piece of one.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on; for a body the bytes that go on.
    Passed(Vec<u8>),
    /// It is held until more of it comes.
    Held,
    /// It waits for a call.
    Awaits,
    /// The filter answered in place of the upstream.
    Replied(Reply),
}

impl Outcome {
    /// The bytes that went on; panics on another outcome.
    #[must_use]
    pub fn passed(self) -> Vec<u8> {
        match self {
            Self::Passed(bytes) => bytes,
            other => panic!("it should have passed: {other:?}"),
        }
    }

    /// The reply; panics on another outcome.
    #[must_use]
    pub fn reply(self) -> Reply {
        match self {
            Self::Replied(reply) => reply,
            other => panic!("it should have been refused: {other:?}"),
        }
    }
}

impl<S: Stream> Exchange<S> {
    /// A stream that begins at a time.
    #[must_use]
    pub fn new(stream: S, host: TestHost, now: Time) -> Self {
        Self {
            stream: Some(stream),
            host,
            now,
            held: Vec::new(),
            replied: false,
            response_begun: false,
        }
    }

    fn handle(&mut self, event: Event<'_>) -> Flow {
        if !S::EVENTS.contain(&event) {
            return Flow::Continue;
        }
        let stream = self.stream.take().expect("no event comes after the end");
        let (stream, flow) = stream.handle(self.now, event, &mut self.host);
        self.stream = Some(stream);
        flow
    }

    /// The request's headers come.
    pub fn request_headers(&mut self, headers: &mut TestHeaders, end_of_stream: bool) -> Outcome {
        let flow = self.handle(Event::RequestHeaders {
            headers,
            end_of_stream,
        });
        self.request_outcome(flow, Vec::new())
    }

    /// A piece of the request's body comes.
    pub fn request_body(&mut self, piece: &[u8], end_of_stream: bool) -> Outcome {
        assert!(!self.replied, "no body comes after a reply");
        self.held.extend_from_slice(piece);
        let shown = std::mem::take(&mut self.held);
        let flow = self.handle(Event::RequestBody {
            body: &TestBody(shown.clone()),
            end_of_stream,
        });
        if flow == Flow::Hold {
            assert!(!end_of_stream, "a body that is complete can't be held");
            self.held = shown;
            return Outcome::Held;
        }
        self.request_outcome(flow, shown)
    }

    /// The request ends with trailers.
    pub fn request_trailers(&mut self) -> Outcome {
        let flow = self.handle(Event::RequestTrailers);
        let held = std::mem::take(&mut self.held);
        self.request_outcome(flow, held)
    }

    fn request_outcome(&mut self, flow: Flow, shown: Vec<u8>) -> Outcome {
        match flow {
            Flow::Continue => Outcome::Passed(shown),
            Flow::Replace(bytes) => Outcome::Passed(bytes),
            Flow::Await => Outcome::Awaits,
            Flow::Hold => panic!("only a request's body can be held"),
            Flow::Reply(reply) => {
                self.replied = true;
                Outcome::Replied(reply)
            }
        }
    }

    /// The response's headers come.
    pub fn response_headers(&mut self, headers: &mut TestHeaders, end_of_stream: bool) -> Outcome {
        self.response_begun = true;
        let flow = self.handle(Event::ResponseHeaders {
            headers,
            end_of_stream,
        });
        match flow {
            Flow::Continue => Outcome::Passed(Vec::new()),
            Flow::Await => {
                assert!(
                    !end_of_stream,
                    "a response without a body can't be given one"
                );
                Outcome::Awaits
            }
            other => panic!("{other:?} is no answer to response headers"),
        }
    }

    /// A piece of the response's body comes; the bytes that go on.
    pub fn response_body(&mut self, piece: &[u8], end_of_stream: bool) -> Vec<u8> {
        let flow = self.handle(Event::ResponseBody {
            body: &TestBody(piece.to_vec()),
            end_of_stream,
        });
        match flow {
            Flow::Continue => piece.to_vec(),
            Flow::Replace(bytes) => bytes,
            other => panic!("{other:?} is no answer to a response body"),
        }
    }

    /// The response's body comes in pieces of a size, and ends; all bytes that go on.
    pub fn response_in_pieces(&mut self, body: &[u8], size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in body.chunks(size) {
            out.extend(self.response_body(piece, false));
        }
        out.extend(self.response_body(b"", true));
        out
    }

    /// The response ends with trailers.
    pub fn response_trailers(&mut self) {
        let flow = self.handle(Event::ResponseTrailers);
        assert_eq!(flow, Flow::Continue, "nothing stands before trailers");
    }

    /// A call is answered, or fails with `None`. `headers` are those of the stopped message.
    pub fn call_answered(
        &mut self,
        call: CallId,
        answer: Option<&TestAnswer>,
        headers: &mut TestHeaders,
    ) -> Outcome {
        let flow = self.handle(Event::CallAnswered {
            call,
            answer: answer.map(|answer| answer as _),
            headers,
        });
        self.stopped_outcome(flow)
    }

    /// The worker wakes the stream. `headers` are those of the stopped message.
    pub fn woken(&mut self, headers: &mut TestHeaders) -> Outcome {
        let flow = self.handle(Event::Woken { headers });
        self.stopped_outcome(flow)
    }

    fn stopped_outcome(&mut self, flow: Flow) -> Outcome {
        match flow {
            Flow::Continue => Outcome::Passed(Vec::new()),
            Flow::Await => Outcome::Awaits,
            Flow::Reply(reply) => {
                assert!(
                    !self.response_begun,
                    "a reply comes before response headers"
                );
                self.replied = true;
                Outcome::Replied(reply)
            }
            other => panic!("{other:?} is no answer for a message that waits"),
        }
    }

    /// The stream ends; gives back the host with all that was recorded.
    pub fn end(mut self) -> TestHost {
        let flow = self.handle(Event::Ended);
        assert_eq!(flow, Flow::Continue, "nothing goes on after the end");
        self.host
    }
}
