//! How an answer goes back to the client: decided at its head, done piece by piece.

use event_stream::is_event_stream;
use facts::publish_usage;
use http_filter::{Body, Flow, Headers, Host, Time};
use llm_api::{Api, ErrorText, Usage, error_body};

use crate::NAME;
use crate::catalog::Target;
use crate::credential_refused;
use crate::json_end::JsonEnd;
use crate::response_headers::{is_compressed, is_json, keep_gateways_own, status, strip_account};
use crate::translate::anthropic::error::{client_status, message_by_status};
use crate::translate::anthropic::stream::ChatStream;
use crate::translate::anthropic::{answer, error};
use crate::translate::{AnswerForm, Begun, ChatAnswer, Dropped};

/// Who answers, and what must become of the answer.
#[derive(Debug)]
pub(crate) struct Provenance {
    pub(crate) target: Target,
    /// The model as the client knows it.
    pub(crate) requested: String,
    pub(crate) answer: AnswerForm,
    pub(crate) dropped: Dropped,
    /// The shape in which the client reads errors.
    pub(crate) api: Api,
}

impl Provenance {
    /// An answer of chat completions that begins now.
    pub(crate) fn begun(&self, now: Time, host: &mut dyn Host) -> Begun {
        Begun {
            random: host.random(),
            created: now.seconds(),
            model: self.requested.clone(),
        }
    }
}

/// An answer whose head has gone on.
pub(crate) enum Answering {
    /// The body passes as it comes.
    Untouched,
    /// This body stands in the place of the one that comes.
    Replaced(Vec<u8>),
    /// All has been said; what still comes is swallowed.
    Finished,
    /// Each event is translated as it comes.
    Stream(Box<ChatStream>),
    /// The body is taken out until it is whole.
    Whole(Box<Collecting>),
}

/// A body that is being taken out.
pub(crate) struct Collecting {
    bytes: Vec<u8>,
    end: JsonEnd,
    /// The most bytes to take.
    most: usize,
    becomes: Becomes,
}

/// What a body becomes when it is whole.
enum Becomes {
    Answer(Begun),
    /// The error of an answer with this status.
    Error(u16),
}

impl Answering {
    /// Decides at the answer's head, whose headers it rewrites. `most` bounds the bytes of a body
    /// that must be taken out.
    pub(crate) fn begin(
        provenance: &Provenance,
        most: usize,
        now: Time,
        headers: &mut dyn Headers,
        end_of_stream: bool,
        host: &mut dyn Host,
    ) -> Self {
        let answering = Self::rewritten(provenance, most, now, headers, end_of_stream, host);
        // After the rest: a provider's header of that name is gone by now.
        if let Some(dropped) = provenance.dropped.header() {
            headers.set(DROPPED_HEADER, dropped.as_bytes());
        }
        answering
    }

    fn rewritten(
        provenance: &Provenance,
        most: usize,
        now: Time,
        headers: &mut dyn Headers,
        end_of_stream: bool,
        host: &mut dyn Host,
    ) -> Self {
        let status = status(headers);
        if credential_refused::is_told_by(status) {
            credential_refused::log(&provenance.target.provider, status);
            return refused_credential(provenance.api, headers, end_of_stream);
        }
        match provenance.answer {
            AnswerForm::Same { .. } if is_compressed(headers) && !end_of_stream => {
                unreadable(provenance.api, status, headers)
            }
            AnswerForm::Same { .. } => {
                strip_account(headers);
                Self::Untouched
            }
            AnswerForm::Chat(_) if end_of_stream => {
                keep_gateways_own(headers);
                headers.set(":status", client_status(status).to_string().as_bytes());
                Self::Untouched
            }
            AnswerForm::Chat(_) if is_compressed(headers) => {
                unreadable(provenance.api, status, headers)
            }
            AnswerForm::Chat(chat) => {
                let begun = provenance.begun(now, host);
                translated(chat, begun, most, status, headers)
            }
        }
    }

    /// A piece of the body has come.
    pub(crate) fn body(
        self,
        body: &dyn Body,
        end_of_stream: bool,
        host: &mut dyn Host,
    ) -> (Self, Flow) {
        match self {
            Self::Untouched => (self, Flow::Continue),
            Self::Replaced(body) => (Self::Finished, Flow::Replace(body)),
            Self::Finished => (self, Flow::Replace(Vec::new())),
            Self::Stream(mut stream) => {
                let before = stream.usage();
                let mut out = Vec::new();
                stream.push(&body.read(), &mut out);
                if end_of_stream {
                    stream.finish(&mut out);
                }
                publish_new(before, stream.usage(), host);
                (Self::Stream(stream), Flow::Replace(out))
            }
            Self::Whole(mut collecting) => match collecting.take(&body.read(), end_of_stream) {
                None => (Self::Whole(collecting), Flow::Replace(Vec::new())),
                Some(Ok(bytes)) => {
                    let body = collecting.becomes.translate(&bytes, host);
                    (Self::Finished, Flow::Replace(body))
                }
                Some(Err(TooLong)) => {
                    let body = collecting.becomes.unreadable();
                    (Self::Finished, Flow::Replace(body))
                }
            },
        }
    }

    /// The answer ends with trailers, before which nothing can be put any more. A stream that has
    /// had its end, and a body whose object was complete, are out by now.
    pub(crate) fn trailers(self) -> Self {
        match &self {
            Self::Stream(stream) if !stream.is_complete() => {
                log::warn!("{NAME}: a provider's stream ended with trailers before its end");
            }
            Self::Whole(_) | Self::Replaced(_) => {
                log::warn!("{NAME}: a provider's answer ended with trailers and is lost");
            }
            _ => {}
        }
        Self::Finished
    }
}

/// Names the request's members that were dropped on the way to the provider.
pub(crate) const DROPPED_HEADER: &str = "x-ai-dropped-params";

/// Usage grows while a stream runs. It is published as it does: after a reset it is too late.
fn publish_new(before: Option<Usage>, now: Option<Usage>, host: &mut dyn Host) {
    if let Some(usage) = now.filter(|_| now != before) {
        publish_usage(host, usage);
    }
}

/// The provider refused the gateway's credential; its own words are swallowed. An answer that
/// ends with its head can't be given a body: there the status says it alone.
fn refused_credential(api: Api, headers: &mut dyn Headers, end_of_stream: bool) -> Answering {
    let status = credential_refused::CLIENT_STATUS;
    if end_of_stream {
        keep_gateways_own(headers);
        headers.set(":status", status.to_string().as_bytes());
        return Answering::Untouched;
    }
    rewrite_head(status, "application/json", headers);
    Answering::Replaced(error_body(api, credential_refused::error()))
}

/// An answer that no filter can read. What failed anyway keeps its status.
fn unreadable(api: Api, status: u16, headers: &mut dyn Headers) -> Answering {
    let (status, message) = match status {
        400..=599 => (client_status(status), message_by_status(status)),
        _ => (502, UNREADABLE),
    };
    rewrite_head(status, "application/json", headers);
    Answering::Replaced(error_body(api, ErrorText::new(status, message)))
}

const UNREADABLE: &str = "The answer of the model's provider can't be read.";

fn translated(
    chat: ChatAnswer,
    begun: Begun,
    most: usize,
    status: u16,
    headers: &mut dyn Headers,
) -> Answering {
    let content_type = headers.get("content-type").unwrap_or_default();
    if !(200..300).contains(&status) {
        rewrite_head(client_status(status), "application/json", headers);
        // A proxy's page tells the client nothing but where it comes from.
        if !is_json(&content_type) {
            return Answering::Replaced(error::translate(status, b""));
        }
        return Answering::Whole(Box::new(Collecting {
            bytes: Vec::new(),
            end: JsonEnd::default(),
            most: most.min(MOST_ERROR_BYTES),
            becomes: Becomes::Error(status),
        }));
    }
    if chat.stream && is_event_stream(&content_type) {
        rewrite_head(200, "text/event-stream", headers);
        headers.set("cache-control", b"no-cache");
        let stream = ChatStream::new(begun, chat.include_usage);
        return Answering::Stream(Box::new(stream));
    }
    if !chat.stream && is_json(&content_type) {
        rewrite_head(200, "application/json", headers);
        return Answering::Whole(Box::new(Collecting {
            bytes: Vec::new(),
            end: JsonEnd::default(),
            most,
            becomes: Becomes::Answer(begun),
        }));
    }
    unreadable(Api::OpenAi, status, headers)
}

/// No error says more.
const MOST_ERROR_BYTES: usize = 64 * 1024;

fn rewrite_head(status: u16, content_type: &str, headers: &mut dyn Headers) {
    keep_gateways_own(headers);
    headers.set(":status", status.to_string().as_bytes());
    headers.set("content-type", content_type.as_bytes());
}

/// There are more bytes than may be kept.
struct TooLong;

impl Collecting {
    /// Takes a piece; gives all bytes once the object in them, or the message, is complete.
    fn take(&mut self, piece: &[u8], end_of_stream: bool) -> Option<Result<Vec<u8>, TooLong>> {
        let end = self.end.push(piece);
        let piece = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
        if self.bytes.len().saturating_add(piece.len()) > self.most {
            return Some(Err(TooLong));
        }
        self.bytes.extend_from_slice(piece);
        (end.is_some() || end_of_stream).then(|| Ok(std::mem::take(&mut self.bytes)))
    }
}

impl Becomes {
    fn translate(&self, body: &[u8], host: &mut dyn Host) -> Vec<u8> {
        match self {
            Self::Error(status) => error::translate(*status, body),
            Self::Answer(begun) => match answer::translate(body, begun) {
                Ok(whole) => {
                    publish_usage(host, whole.usage);
                    whole.body
                }
                Err(answer::Unreadable) => self.unreadable(),
            },
        }
    }

    /// The status of an answer has gone out by now: only its body can say what is wrong.
    fn unreadable(&self) -> Vec<u8> {
        match self {
            Self::Error(status) => error::translate(*status, b""),
            Self::Answer(_) => error_body(Api::OpenAi, ErrorText::new(502, UNREADABLE)),
        }
    }
}
