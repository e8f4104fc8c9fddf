//! One HTTP stream: the proxy's callbacks become events, and flows become the proxy's actions.

use std::cell::RefCell;
use std::rc::Rc;

use http_filter::{Answer, CallId, Event, Filter, Flow, Headers, Reply, Stream, Time};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::abi::{self, Buffer, Half, Map};
use crate::effects::Proxy;
use crate::headers::MessageHeaders;
use crate::logger;
use crate::message::{CallAnswer, Piece};
use crate::pairs;
use crate::waiting::Waiting;

#[cfg(test)]
mod tests;

/// One HTTP stream of filter `F`, as the SDK calls it.
pub(crate) struct HttpStream<F: Filter> {
    /// The number by which the proxy knows it.
    id: u32,
    /// Shared with `waiting` while the stream is stopped.
    course: Rc<RefCell<Course<F>>>,
    waiting: Rc<Waiting<F>>,
}

/// How far the stream is, and what of it is stopped.
pub(crate) struct Course<F: Filter> {
    /// `None` before a configuration was accepted, and after the stream's end.
    state: Option<F::Stream>,
    stopped: Stopped,
    /// A reply was sent: what still comes of the request goes nowhere.
    replied: bool,
}

/// What of the stream waits for a call or for the worker.
///
/// It guards the proxy: to resume a response before there is one ends the whole process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stopped {
    Nothing,
    Request,
    Response,
}

impl Stopped {
    /// The headers that an event shows meanwhile.
    fn map(self) -> Map {
        match self {
            Self::Nothing | Self::Request => Map::Request,
            Self::Response => Map::Response,
        }
    }
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
    pub(crate) fn new(id: u32, state: Option<F::Stream>, waiting: Rc<Waiting<F>>) -> Self {
        let course = Course {
            state,
            stopped: Stopped::Nothing,
            replied: false,
        };
        Self {
            id,
            course: Rc::new(RefCell::new(course)),
            waiting,
        }
    }

    /// Runs one callback, and keeps the list of those that wait.
    fn run<T>(&mut self, callback: impl FnOnce(&mut Course<F>) -> T) -> T {
        let mut course = self.course.borrow_mut();
        let waited = course.stopped != Stopped::Nothing;
        let result = callback(&mut course);
        match (waited, course.stopped != Stopped::Nothing) {
            (false, true) => self.waiting.add(self.id, &self.course),
            (true, false) => self.waiting.remove(self.id),
            _ => {}
        }
        result
    }
}

impl<F: Filter> Course<F> {
    /// Hands the filter an event. Without a state nobody has decided anything: fail closed.
    fn flow(&mut self, event: Event<'_>) -> Flow {
        self.flow_with(event, Proxy::default())
    }

    fn flow_with(&mut self, event: Event<'_>, proxy: Proxy) -> Flow {
        if !F::Stream::EVENTS.contain(&event) && self.state.is_some() {
            return Flow::Continue;
        }
        let Some(state) = self.state.take() else {
            return Flow::Reply(not_configured());
        };
        let (state, flow) = handle::<F>(state, event, proxy);
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
fn handle<F: Filter>(state: F::Stream, event: Event<'_>, mut proxy: Proxy) -> (F::Stream, Flow) {
    let name = event.name();
    let now = abi::now();
    logger::follow_level(now);
    let (state, flow) = state.handle(Time::from_nanoseconds(now), event, &mut proxy);
    log::trace!("{}: {name} -> {}", F::NAME, flow.name());
    (state, flow)
}

fn not_configured() -> Reply {
    Reply::new(503, Vec::new(), "not_configured")
}

fn internal_error() -> Reply {
    Reply::new(500, Vec::new(), "filter_error")
}

/// The proxy's callbacks, one method each.
impl<F: Filter> Course<F> {
    fn call_answered(&mut self, token: u32, headers: usize, body_size: usize) {
        let answer = CallAnswer { body_size };
        // A call that failed is answered without headers.
        let answer = (headers > 0).then_some(&answer as &dyn Answer);
        let stopped = self.stopped;
        let flow = self.flow(Event::CallAnswered {
            call: CallId(token),
            answer,
            headers: &mut MessageHeaders::new(stopped.map()),
        });
        self.go_on(stopped, flow);
    }

    /// The worker wakes the stream; whether it waits on.
    pub(crate) fn woken(&mut self) -> bool {
        let stopped = self.stopped;
        if stopped != Stopped::Nothing {
            let headers = &mut MessageHeaders::new(stopped.map());
            let proxy = Proxy {
                makes_no_calls: true,
                ..Proxy::default()
            };
            let flow = self.flow_with(Event::Woken { headers }, proxy);
            self.go_on(stopped, flow);
        }
        self.stopped != Stopped::Nothing
    }

    /// Carries out the flow for a message that was stopped.
    fn go_on(&mut self, stopped: Stopped, flow: Flow) {
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

    fn request_headers(&mut self, end_of_stream: bool) -> Action {
        let headers: &mut dyn Headers = &mut MessageHeaders::new(Map::Request);
        let flow = self.flow(Event::RequestHeaders {
            headers,
            end_of_stream,
        });
        self.act(Part::RequestHeaders, flow)
    }

    fn request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
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

    fn request_trailers(&mut self) -> Action {
        if self.replied {
            return Action::Pause;
        }
        let flow = self.flow(Event::RequestTrailers);
        self.act(Part::RequestTrailers, flow)
    }

    fn response_headers(&mut self, end_of_stream: bool) -> Action {
        let headers: &mut dyn Headers = &mut MessageHeaders::new(Map::Response);
        let flow = self.flow(Event::ResponseHeaders {
            headers,
            end_of_stream,
        });
        self.act(Part::ResponseHeaders, flow)
    }

    fn response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
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

    fn response_trailers(&mut self) -> Action {
        let flow = self.flow(Event::ResponseTrailers);
        self.act(Part::ResponseTrailers, flow)
    }

    fn end(&mut self) {
        self.stopped = Stopped::Nothing;
        if let Some(state) = self.state.take()
            && F::Stream::EVENTS.contain(&Event::Ended)
        {
            let (_, _ended) = handle::<F>(state, Event::Ended, Proxy::default());
        }
    }
}

/// The proxy forgets the stream. One that waits and doesn't hear of its end is still on the list.
impl<F: Filter> Drop for HttpStream<F> {
    fn drop(&mut self) {
        if self.course.borrow().stopped != Stopped::Nothing {
            self.waiting.remove(self.id);
        }
    }
}

impl<F: Filter> Context for HttpStream<F> {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _: usize) {
        self.run(|course| course.call_answered(token, headers, body_size));
    }
}

impl<F: Filter> HttpContext for HttpStream<F> {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        self.run(|course| course.request_headers(end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.run(|course| course.request_body(size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.run(Course::request_trailers)
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        self.run(|course| course.response_headers(end_of_stream))
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.run(|course| course.response_body(size, end_of_stream))
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        self.run(Course::response_trailers)
    }

    fn on_log(&mut self) {
        self.run(Course::end);
    }
}
