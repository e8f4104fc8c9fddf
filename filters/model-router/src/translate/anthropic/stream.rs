//! A stream of Messages events as one of chat completion chunks.
//!
//! Each event is written as soon as it is whole; at most one partial event is held. The answer
//! ends with `[DONE]` only after `message_stop` and a reason for it: a stream that is cut, or
//! that says what no such stream says, ends with an error object.

use event_stream::{Decoder, Event, EventTooLong};
use llm_api::{Api, Endpoint, ErrorText, StreamData, Usage, UsageTally, error_event};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::finish_reason;
use super::error;
use crate::translate::Begun;
use crate::translate::chat::answer::{FinishReason, Head};
use crate::translate::chat::chunk::{self, Delta};
use crate::translate::object::Object;
use crate::translate::text::Text;

/// A stream that is being translated.
pub(crate) struct ChatStream {
    decoder: Decoder,
    writer: Writer,
    phase: Phase,
    calls: Calls,
    tally: UsageTally,
}

/// How far the stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its end, and the reason for it once that is known, are still to come.
    Open(Option<FinishReason>),
    /// All has been said.
    Complete,
    /// The client was told of an error.
    Failed,
}

/// What an event says that no such stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wrong;

impl ChatStream {
    /// A stream that begins. `include_usage`: the client waits for a chunk with the usage.
    pub(crate) fn new(begun: Begun, include_usage: bool) -> Self {
        Self {
            decoder: Decoder::new(MOST_EVENT_BYTES),
            writer: Writer {
                begun,
                head: None,
                include_usage,
            },
            phase: Phase::Open(None),
            calls: Calls::default(),
            tally: UsageTally::new(),
        }
    }

    /// Takes the next bytes, and writes all that they complete.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Self {
            decoder,
            writer,
            phase,
            calls,
            tally,
        } = self;
        if *phase == Phase::Failed || *phase == Phase::Complete {
            return;
        }
        decoder.push(piece);
        loop {
            let event = match decoder.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => return,
                Err(EventTooLong { .. }) => return fail(phase, out, UNREADABLE),
            };
            let mut reading = Reading {
                writer,
                phase,
                calls,
                tally,
                out,
            };
            if reading.event(&event).is_err() {
                return fail(phase, out, UNREADABLE);
            }
            if *phase == Phase::Failed || *phase == Phase::Complete {
                return;
            }
        }
    }

    /// The stream has ended: a client that hasn't been told so must not wait for more.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = self.decoder.finish();
        if let (Phase::Open(_), Some(event)) = (self.phase, rest.event()) {
            let mut reading = Reading {
                writer: &mut self.writer,
                phase: &mut self.phase,
                calls: &mut self.calls,
                tally: &mut self.tally,
                out,
            };
            if reading.event(&event).is_err() {
                fail(&mut self.phase, out, UNREADABLE);
            }
        }
        if let Phase::Open(_) = self.phase {
            fail(&mut self.phase, out, CUT);
        }
    }

    /// Whether the whole answer came through.
    pub(crate) fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    /// The tokens that the provider has counted so far.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.tally.usage()
    }
}

/// Events are a few bytes of text; one is never longer than a whole answer.
const MOST_EVENT_BYTES: usize = 1 << 20;

const CUT: &str = "The model's provider ended the answer before it was complete.";
const UNREADABLE: &str = "The answer of the model's provider can't be read.";

fn fail(phase: &mut Phase, out: &mut Vec<u8>, message: &str) {
    *phase = Phase::Failed;
    out.extend(error_event(Api::OpenAi, ErrorText::new(502, message)));
}

/// Writes chunks, all with the same head.
struct Writer {
    begun: Begun,
    /// Known from `message_start` on.
    head: Option<Head>,
    include_usage: bool,
}

impl Writer {
    /// Every answer begins with its role.
    fn begin(&mut self, id: Option<&str>, model: Option<&str>, out: &mut Vec<u8>) {
        if self.head.is_none() {
            let head = self.begun.head(id, model);
            chunk::write(out, &head, self.include_usage, Delta::Role);
            self.head = Some(head);
        }
    }

    fn write(&mut self, delta: Delta<'_>, out: &mut Vec<u8>) {
        self.begin(None, None, out);
        if let Some(head) = &self.head {
            chunk::write(out, head, self.include_usage, delta);
        }
    }

    fn end(&mut self, reason: FinishReason, usage: Usage, out: &mut Vec<u8>) {
        self.write(Delta::Finish(reason), out);
        if let (Some(head), true) = (&self.head, self.include_usage) {
            chunk::write_usage(out, head, usage);
        }
        chunk::write_done(out);
    }
}

/// The calls whose blocks are open. A chat numbers calls from 0, Anthropic all blocks.
#[derive(Default)]
struct Calls {
    open: Vec<OpenCall>,
    begun: u64,
}

struct OpenCall {
    block: u64,
    index: u64,
    /// What the block said at its beginning, which holds if no piece follows.
    input: Option<String>,
}

impl Calls {
    fn begin(&mut self, block: u64, input: String) -> Result<u64, Wrong> {
        if self.open.len() >= MOST_OPEN_CALLS {
            return Err(Wrong);
        }
        let index = self.begun;
        self.begun = self.begun.saturating_add(1);
        self.open.push(OpenCall {
            block,
            index,
            input: Some(input),
        });
        Ok(index)
    }

    fn of_block(&mut self, block: u64) -> Option<&mut OpenCall> {
        self.open.iter_mut().find(|call| call.block == block)
    }

    fn end(&mut self, block: u64) -> Option<OpenCall> {
        let place = self.open.iter().position(|call| call.block == block)?;
        Some(self.open.remove(place))
    }
}

/// Blocks follow each other; only a hostile provider opens many at once.
const MOST_OPEN_CALLS: usize = 64;

/// One event, and all that it can change.
struct Reading<'s> {
    writer: &'s mut Writer,
    phase: &'s mut Phase,
    calls: &'s mut Calls,
    tally: &'s mut UsageTally,
    out: &'s mut Vec<u8>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize)]
struct MessageStart<'a> {
    #[serde(borrow)]
    message: Object<StartedMessage<'a>>,
}

#[derive(Deserialize)]
struct StartedMessage<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct BlockStart<'a> {
    index: u64,
    #[serde(borrow)]
    content_block: &'a RawValue,
}

#[derive(Deserialize)]
struct ToolUse<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StartedText<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct StartedThinking<'a> {
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct BlockDelta<'a> {
    index: u64,
    #[serde(borrow)]
    delta: &'a RawValue,
}

#[derive(Deserialize)]
struct InputDelta<'a> {
    #[serde(borrow)]
    partial_json: Text<'a>,
}

#[derive(Deserialize)]
struct BlockStop {
    index: u64,
}

#[derive(Deserialize)]
struct MessageDelta<'a> {
    #[serde(borrow)]
    delta: Object<MessageEnd<'a>>,
}

#[derive(Deserialize)]
struct MessageEnd<'a> {
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
}

impl Reading<'_> {
    /// Events of an unknown type are skipped: new ones come at any time.
    fn event(&mut self, event: &Event<'_>) -> Result<(), Wrong> {
        let data = event.data();
        if data.trim_ascii().is_empty() {
            return Ok(());
        }
        let data = std::str::from_utf8(data).map_err(|_| Wrong)?;
        let Kind { kind } = parse(data)?;
        match kind.as_str() {
            "message_start" => {
                self.count(data)?;
                let MessageStart { message } = parse(data)?;
                let Object(StartedMessage { id, model }) = message;
                let (id, model) = (id.as_ref(), model.as_ref());
                self.writer
                    .begin(id.map(Text::as_str), model.map(Text::as_str), self.out);
            }
            "content_block_start" => self.block_start(parse(data)?)?,
            "content_block_delta" => self.block_delta(parse(data)?)?,
            "content_block_stop" => self.block_stop(&parse(data)?),
            "message_delta" => {
                self.count(data)?;
                let MessageDelta { delta } = parse(data)?;
                if let Some(reason) = delta.0.stop_reason {
                    *self.phase = Phase::Open(Some(finish_reason(reason.as_str())));
                }
            }
            "message_stop" => self.stop(),
            "error" => {
                self.out.extend(error::translate_event(data.as_bytes()));
                *self.phase = Phase::Failed;
            }
            _ => {}
        }
        Ok(())
    }

    /// Usage is cumulative, and split over two events.
    fn count(&mut self, data: &str) -> Result<(), Wrong> {
        let data = StreamData::parse(Endpoint::Messages, data.as_bytes()).map_err(|_| Wrong)?;
        if let StreamData::Part(part) = data
            && let Some(report) = part.usage()
        {
            self.tally.add(report);
        }
        Ok(())
    }

    fn block_start(&mut self, start: BlockStart<'_>) -> Result<(), Wrong> {
        let BlockStart {
            index,
            content_block,
        } = start;
        let block = content_block.get();
        let Kind { kind } = parse(block)?;
        match kind.as_str() {
            "text" => {
                let StartedText { text } = parse(block)?;
                self.text(text.as_ref().map_or("", Text::as_str));
            }
            "thinking" => {
                let StartedThinking { thinking } = parse(block)?;
                self.reasoning(thinking.as_ref().map_or("", Text::as_str));
            }
            "tool_use" => {
                let ToolUse { id, name, input } = parse(block)?;
                let input = input.map_or("{}", RawValue::get).to_owned();
                let index = self.calls.begin(index, input)?;
                let (id, name) = (id.as_str(), name.as_str());
                self.writer
                    .write(Delta::CallBegins { index, id, name }, self.out);
            }
            _ => {}
        }
        Ok(())
    }

    fn block_delta(&mut self, delta: BlockDelta<'_>) -> Result<(), Wrong> {
        let BlockDelta { index, delta } = delta;
        let delta = delta.get();
        let Kind { kind } = parse(delta)?;
        match kind.as_str() {
            "text_delta" => {
                let StartedText { text } = parse(delta)?;
                self.text(text.as_ref().ok_or(Wrong)?.as_str());
            }
            "thinking_delta" => {
                let StartedThinking { thinking } = parse(delta)?;
                self.reasoning(thinking.as_ref().ok_or(Wrong)?.as_str());
            }
            "input_json_delta" => {
                let InputDelta { partial_json } = parse(delta)?;
                self.arguments(index, partial_json.as_str());
            }
            _ => {}
        }
        Ok(())
    }

    fn block_stop(&mut self, stop: &BlockStop) {
        let ended = self.calls.end(stop.index);
        if let Some(OpenCall {
            index,
            input: Some(piece),
            ..
        }) = ended
        {
            let piece = piece.as_str();
            self.writer
                .write(Delta::Arguments { index, piece }, self.out);
        }
    }

    /// A block that isn't a call's (a server tool's) has arguments too; they are nobody's here.
    fn arguments(&mut self, block: u64, piece: &str) {
        let Some(call) = self.calls.of_block(block).filter(|_| !piece.is_empty()) else {
            return;
        };
        call.input = None;
        let index = call.index;
        self.writer
            .write(Delta::Arguments { index, piece }, self.out);
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.writer.write(Delta::Text(text), self.out);
        }
    }

    fn reasoning(&mut self, text: &str) {
        if !text.is_empty() {
            self.writer.write(Delta::Reasoning(text), self.out);
        }
    }

    /// An end without a reason isn't one: a reason is never made up.
    fn stop(&mut self) {
        match *self.phase {
            Phase::Open(Some(reason)) => {
                let usage = self.tally.usage().unwrap_or_default();
                self.writer.end(reason, usage, self.out);
                *self.phase = Phase::Complete;
            }
            _ => fail(self.phase, self.out, CUT),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Wrong> {
    let object = serde_json::from_str(json);
    object.map(|Object(value)| value).map_err(|_| Wrong)
}
