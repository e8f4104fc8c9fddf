//! Server-sent events on bytes: where one event ends and the next begins, and what an
//! event carries. See the WHATWG HTML standard, section 9.2.6, "Interpreting an event stream".
//!
//! The crate never decodes text, never looks into the data and never changes a byte: every
//! [`Event`] shows the exact bytes it came as, so that an event that nobody edits leaves as it
//! arrived. It keeps one buffer, and each byte is scanned once.
//!
//! ```
//! use event_stream::Decoder;
//!
//! let mut decoder = Decoder::new(1 << 20);
//! let mut seen = Vec::new();
//! for chunk in [&b"event: greeting\nda"[..], b"ta: hello\n\ndata:", b" torn"] {
//!     decoder.push(chunk);
//!     while let Some(event) = decoder.next_event()? {
//!         seen.push((event.name().map(<[u8]>::to_vec), event.data().to_vec(), event.raw().len()));
//!     }
//! }
//! assert_eq!(seen, [(Some(b"greeting".to_vec()), b"hello".to_vec(), 29)]);
//! assert_eq!(decoder.finish().raw(), b"data: torn");
//! # Ok::<(), event_stream::EventTooLong>(())
//! ```

mod content_type;
mod decoder;
mod encoder;
mod event;

pub use content_type::is_event_stream;
pub use decoder::{Decoder, EventTooLong, Rest};
pub use encoder::{write_data, write_event};
pub use event::Event;
