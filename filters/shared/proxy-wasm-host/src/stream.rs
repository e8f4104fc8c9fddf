//! One HTTP stream: the proxy's callbacks become events, and flows become the proxy's actions.

use http_filter::{Answer, CallId, Event, Filter, Flow, Headers, Reply, Stream, Time};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::abi::{self, Buffer, Half, Map};
use crate::effects::Proxy;
use crate::message::{CallAnswer, MessageHeaders, Piece};
use crate::pairs;

#[cfg(test)]
mod tests;

/// One HTTP stream of filter `F`.
pub(crate) struct HttpStream<F: Filter> {
    /// `None` before a configuration was accepted, and after the stream's end.
    state: Option<F::Stream>,
    stopped: Stopped,
    /// A reply was sent: what still comes of the request goes nowhere.
    replied: bool,
}

/// What of the stream waits for a call.
///
/// It guards the proxy: to resume a response before there is one ends the whole process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stopped {
    Nothing,
    Request,
    Response,
}

/// What a callback may do with the flow that the filter returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    RequestHeaders,
    RequestBody { end_of_stream: bool, size: usize },
    RequestTrailers,
    ResponseHeaders,
    ResponseBody { size: usize },
    ResponseTrailers,
}

impl Part {
    fn half(self) -> Half {
        match self {
            Self::RequestHeaders | Self::RequestBody { .. } | Self::RequestTrailers => {
                Half::Request
            }
            Self::ResponseHeaders | Self::ResponseBody { .. } | Self::ResponseTrailers => {
                Half::Response
            }
        }
    }
}

impl<F: Filter> HttpStream<F> {
    pub(crate) fn new(state: Option<F::Stream>) -> Self {
        Self {
            state,
            stopped: Stopped::Nothing,
            replied: false,
        }
    }

    /// Hands the filter an event. Without a state nobody has decided anything: fail closed.
    fn flow(&mut self, event: Event<'_>) -> Flow {
        let Some(state) = self.state.take() else {
            return Flow::Reply(not_configured());
        };
        let (state, flow) = handle::<F>(state, event);
        self.state = Some(state);
        flow
    }

    fn act(&mut self, part: Part, flow: Flow) -> Action {
        match (part, flow) {
            (_, Flow::Continue) => Action::Continue,
            (
                Part::RequestBody {
                    end_of_stream: false,
                    ..
                },
                Flow::Hold,
            ) => Action::Pause,
            (Part::RequestBody { size, .. }, Flow::Replace(bytes)) => {
                self.replace(Buffer::RequestBody, size, &bytes)
            }
            (Part::ResponseBody { size }, Flow::Replace(bytes)) => {
                self.replace(Buffer::ResponseBody, size, &bytes)
            }
            (
                Part::RequestHeaders
                | Part::RequestTrailers
                | Part::RequestBody {
                    end_of_stream: true,
                    ..
                },
                Flow::Await,
            ) => {
                self.stopped = Stopped::Request;
                Action::Pause
            }
            (Part::ResponseHeaders, Flow::Await) => {
                self.stopped = Stopped::Response;
                Action::Pause
            }
            (part, Flow::Reply(reply)) if part.half() == Half::Request => self.reply(&reply),
            (part, flow) => self.contract_broken(part, &flow),
        }
    }

    fn replace(&mut self, buffer: Buffer, size: usize, bytes: &[u8]) -> Action {
        match abi::set_buffer(buffer, size, bytes) {
            Ok(()) => Action::Continue,
            // What the filter wanted changed must not pass as it was.
            Err(failed) => {
                log::error!("{}: {buffer:?} can't be replaced: {failed:?}", F::NAME);
                self.reply(&internal_error())
            }
        }
    }

    fn reply(&mut self, reply: &Reply) -> Action {
        let headers: Vec<(&str, &[u8])> = reply
            .headers()
            .iter()
            .map(|(name, value)| (*name, value.as_slice()))
            .collect();
        self.replied = true;
        self.stopped = Stopped::Nothing;
        if let Err(failed) = abi::send_local_response(
            reply.status(),
            reply.details(),
            &pairs::write(&headers),
            reply.body(),
        ) {
            log::error!("{}: no reply can be sent: {failed:?}", F::NAME);
        }
        Action::Pause
    }

    /// A flow that the event doesn't allow is a defect of the filter; nothing passes.
    fn contract_broken(&mut self, part: Part, flow: &Flow) -> Action {
        let flow = flow.name();
        log::error!("{}: {flow} is no answer to {part:?}", F::NAME);
        self.reply(&internal_error())
    }

    fn resume(&mut self, half: Half) {
        self.stopped = Stopped::Nothing;
        if let Err(failed) = abi::resume(half) {
            log::error!("{}: {half:?} can't be resumed: {failed:?}", F::NAME);
        }
    }
}

/// One event, with a line in the trace log (Envoy's admin: `/logging?wasm=trace`): what a stream
/// went through, without a byte of it.
fn handle<F: Filter>(state: F::Stream, event: Event<'_>) -> (F::Stream, Flow) {
    let name = event.name();
    let now = Time::from_nanoseconds(abi::now());
    let (state, flow) = state.handle(now, event, &mut Proxy);
    log::trace!("{}: {name} -> {}", F::NAME, flow.name());
    (state, flow)
}

fn not_configured() -> Reply {
    Reply::new(503, Vec::new(), "not_configured")
}

fn internal_error() -> Reply {
    Reply::new(500, Vec::new(), "filter_error")
}

impl<F: Filter> Context for HttpStream<F> {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _: usize) {
        let answer = CallAnswer { body_size };
        // A call that failed is answered without headers.
        let answer = (headers > 0).then_some(&answer as &dyn Answer);
        let stopped = self.stopped;
        let map = match stopped {
            Stopped::Nothing | Stopped::Request => Map::Request,
            Stopped::Response => Map::Response,
        };
        let flow = self.flow(Event::CallAnswered {
            call: CallId(token),
            answer,
            headers: &mut MessageHeaders::new(map),
        });
        match (stopped, flow) {
            (Stopped::Nothing, _) | (_, Flow::Await) => {}
            (Stopped::Request, Flow::Continue) => self.resume(Half::Request),
            (Stopped::Response, Flow::Continue) => self.resume(Half::Response),
            (Stopped::Request, Flow::Reply(reply)) => {
                self.reply(&reply);
            }
            (Stopped::Request, flow) => {
                self.contract_broken(Part::RequestHeaders, &flow);
            }
            (Stopped::Response, flow) => {
                self.contract_broken(Part::ResponseHeaders, &flow);
            }
        }
    }
}

impl<F: Filter> HttpContext for HttpStream<F> {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let headers: &mut dyn Headers = &mut MessageHeaders::new(Map::Request);
        let flow = self.flow(Event::RequestHeaders {
            headers,
            end_of_stream,
        });
        self.act(Part::RequestHeaders, flow)
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if self.replied {
            return Action::Pause;
        }
        let body = &Piece {
            buffer: Buffer::RequestBody,
            size,
        };
        let flow = self.flow(Event::RequestBody {
            body,
            end_of_stream,
        });
        let part = Part::RequestBody {
            end_of_stream,
            size,
        };
        self.act(part, flow)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if self.replied {
            return Action::Pause;
        }
        let flow = self.flow(Event::RequestTrailers);
        self.act(Part::RequestTrailers, flow)
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let headers: &mut dyn Headers = &mut MessageHeaders::new(Map::Response);
        let flow = self.flow(Event::ResponseHeaders {
            headers,
            end_of_stream,
        });
        self.act(Part::ResponseHeaders, flow)
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let body = &Piece {
            buffer: Buffer::ResponseBody,
            size,
        };
        let flow = self.flow(Event::ResponseBody {
            body,
            end_of_stream,
        });
        self.act(Part::ResponseBody { size }, flow)
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        let flow = self.flow(Event::ResponseTrailers);
        self.act(Part::ResponseTrailers, flow)
    }

    fn on_log(&mut self) {
        if let Some(state) = self.state.take() {
            let (_, _ended) = handle::<F>(state, Event::Ended);
        }
    }
}
