//! `stream` and `stream_options`, which chat completions and completions share.

use crate::body_error::BodyError;
use crate::splice::Splices;
use crate::value::{Value, flag, present};

/// How the answer is to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streaming<'a> {
    /// The first byte inside the body's object.
    inside_body: usize,
    stream: bool,
    options: Option<Value<'a>>,
    include_usage: Option<Value<'a>>,
}

impl<'a> Streaming<'a> {
    pub(crate) fn read(
        body: Value<'a>,
        stream: Option<Value<'a>>,
        options: Option<Value<'a>>,
    ) -> Result<Self, BodyError> {
        let include_usage = match present(options) {
            None => None,
            Some(options) if options.is_object() => {
                let [include_usage] = options.members("stream_options", ["include_usage"])?;
                flag(include_usage, "include_usage")?;
                include_usage
            }
            Some(_) => return Err(BodyError::WrongType("stream_options")),
        };
        Ok(Self {
            inside_body: body.trimmed().inside(),
            stream: flag(stream, "stream")?.unwrap_or(false),
            options,
            include_usage,
        })
    }

    pub(crate) fn stream(&self) -> bool {
        self.stream
    }

    pub(crate) fn options(&self) -> Option<Value<'a>> {
        self.options
    }

    pub(crate) fn asks_usage(&self) -> bool {
        self.stream && self.include_usage.and_then(Value::as_bool) == Some(true)
    }

    /// What makes the provider report usage at the stream's end. Nothing for an answer that is
    /// no stream: `stream_options` without `stream` is an error.
    pub(crate) fn request_usage(&self) -> Splices {
        let mut edits = Splices::new();
        if !self.stream || self.asks_usage() {
            return edits;
        }
        // One edit can't overlap.
        let _ = match (self.include_usage, self.options) {
            (Some(no), _) => edits.replace(no.span(), "true"),
            (None, Some(options)) if options.is_object() => {
                let comma = if options.is_hollow() { "" } else { "," };
                edits.insert(options.inside(), format!("\"include_usage\":true{comma}"))
            }
            (None, Some(null)) => edits.replace(null.span(), r#"{"include_usage":true}"#),
            // The body has members, `model` among them.
            (None, None) => edits.insert(
                self.inside_body,
                r#""stream_options":{"include_usage":true},"#,
            ),
        };
        edits
    }
}
