//! Flows become the proxy's actions; what a flow may not do does no harm.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use http_filter::{ConfigError, Environment, Event, Filter, Flow, Host, Reply, Stream, Time};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::HttpStream;
use crate::abi::absent::{Moved, moved};

/// Answers each event with the next flow of a script, `Continue` after its end.
struct Scripted(RefCell<VecDeque<Flow>>);

impl Filter for Scripted {
    const NAME: &'static str = "scripted";
    type Stream = ScriptedStream;

    fn configure(_: &[u8], _: &dyn Environment) -> Result<Self, ConfigError> {
        Ok(Self(RefCell::default()))
    }

    fn open(&self) -> ScriptedStream {
        ScriptedStream(self.0.take())
    }
}

struct ScriptedStream(VecDeque<Flow>);

impl Stream for ScriptedStream {
    fn handle(mut self, _: Time, _: Event<'_>, _: &mut dyn Host) -> (Self, Flow) {
        let flow = self.0.pop_front().unwrap_or(Flow::Continue);
        (self, flow)
    }
}

fn stream<const N: usize>(flows: [Flow; N]) -> HttpStream<Scripted> {
    moved();
    HttpStream::new(STREAM, Some(ScriptedStream(flows.into())), Rc::default())
}

fn refusal() -> Flow {
    Flow::Reply(Reply::new(403, Vec::new(), "refused"))
}

const ROOT: u32 = 1;
const STREAM: u32 = 2;

const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;

#[test]
fn a_request_that_waits_goes_on_when_its_call_is_answered() {
    let mut stream = stream([Flow::Await, Flow::Continue]);
    assert_eq!(stream.on_http_request_headers(0, false), Action::Pause);
    stream.on_http_call_response(1, 1, 0, 0);
    assert_eq!(moved(), [Moved::Resumed(REQUEST)]);
}

#[test]
fn a_request_that_waits_goes_on_when_the_worker_wakes_it_and_is_woken_no_more() {
    let mut stream = stream([Flow::Await, Flow::Await, Flow::Continue]);
    assert_eq!(stream.on_http_request_headers(0, false), Action::Pause);
    let turned = [Moved::Turned(STREAM), Moved::Turned(ROOT)];
    stream.waiting.wake(ROOT);
    assert_eq!(moved(), turned);
    stream.waiting.wake(ROOT);
    let [to_stream, back] = turned;
    assert_eq!(moved(), [to_stream, Moved::Resumed(REQUEST), back]);
    stream.waiting.wake(ROOT);
    assert_eq!(moved(), [back]);
}

#[test]
fn a_stream_that_is_woken_may_be_refused() {
    let mut stream = stream([Flow::Await, refusal()]);
    let _ = stream.on_http_request_headers(0, true);
    stream.waiting.wake(ROOT);
    assert!(moved().contains(&Moved::Answered(403)));
}

#[test]
fn a_stream_that_ended_is_woken_no_more() {
    let mut stream = stream([Flow::Await]);
    let _ = stream.on_http_request_headers(0, true);
    stream.on_log();
    stream.waiting.wake(ROOT);
    assert_eq!(moved(), [Moved::Turned(ROOT)]);
}

#[test]
fn a_response_that_waits_goes_on_when_its_call_is_answered() {
    let mut stream = stream([Flow::Continue, Flow::Await, Flow::Continue]);
    let _ = stream.on_http_request_headers(0, true);
    assert_eq!(stream.on_http_response_headers(0, false), Action::Pause);
    stream.on_http_call_response(1, 1, 0, 0);
    assert_eq!(moved(), [Moved::Resumed(RESPONSE)]);
}

#[test]
fn an_answer_that_nothing_waits_for_moves_nothing() {
    let mut stream = stream([Flow::Continue, Flow::Continue]);
    let _ = stream.on_http_request_headers(0, true);
    stream.on_http_call_response(1, 1, 0, 0);
    assert_eq!(moved(), []);
}

#[test]
fn a_stream_resumes_once_for_two_answers() {
    let mut stream = stream([Flow::Await, Flow::Continue, Flow::Continue]);
    let _ = stream.on_http_request_headers(0, true);
    stream.on_http_call_response(1, 1, 0, 0);
    stream.on_http_call_response(2, 1, 0, 0);
    assert_eq!(moved(), [Moved::Resumed(REQUEST)]);
}

#[test]
fn after_a_reply_what_still_comes_of_the_request_goes_nowhere() {
    let mut stream = stream([refusal()]);
    assert_eq!(stream.on_http_request_headers(0, false), Action::Pause);
    assert_eq!(stream.on_http_request_body(5, true), Action::Pause);
    assert_eq!(stream.on_http_request_trailers(1), Action::Pause);
    assert_eq!(moved(), [Moved::Answered(403)]);
}

#[test]
fn a_flow_that_its_event_does_not_allow_lets_nothing_pass() {
    for flow in [Flow::Hold, Flow::Replace(Vec::new())] {
        let mut stream = stream([flow]);
        assert_eq!(stream.on_http_request_headers(0, false), Action::Pause);
        assert_eq!(moved(), [Moved::Answered(500)]);
    }
    for flow in [Flow::Hold, Flow::Await, refusal()] {
        let mut stream = stream([Flow::Continue, Flow::Continue, flow]);
        let _ = stream.on_http_request_headers(0, true);
        let _ = stream.on_http_response_headers(0, false);
        assert_eq!(stream.on_http_response_body(3, false), Action::Pause);
        assert_eq!(moved(), [Moved::Answered(500)]);
    }
}

#[test]
fn a_body_that_is_complete_can_not_be_held_for_ever() {
    let mut stream = stream([Flow::Continue, Flow::Hold]);
    let _ = stream.on_http_request_headers(0, false);
    assert_eq!(stream.on_http_request_body(3, true), Action::Pause);
    assert_eq!(moved(), [Moved::Answered(500)]);
}

#[test]
fn without_a_configuration_nothing_passes() {
    moved();
    let mut stream = HttpStream::<Scripted>::new(STREAM, None, Rc::default());
    assert_eq!(stream.on_http_request_headers(0, true), Action::Pause);
    assert_eq!(moved(), [Moved::Answered(503)]);
}

#[test]
fn the_end_comes_to_the_filter_once() {
    let mut stream = stream([]);
    stream.on_log();
    stream.on_log();
    assert!(stream.course.borrow().state.is_none());
}
