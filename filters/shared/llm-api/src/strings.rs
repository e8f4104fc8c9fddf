//! All string values of a body, wherever they stand: for a reader to whom it doesn't matter what
//! a text is for.

use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::value::Value;

/// Every string in a body that is a value, at any depth, in the body's order. Names of members
/// are none. Nothing is gathered: a body of many strings costs no more memory than one of few.
///
/// The body is one that [`Request::parse`](crate::Request::parse) has read; in another one it
/// finds whatever stands between quotes.
///
/// ```
/// let body = br#"{"model": "m", "tools": [{"x": {"y": ["\u0061"]}}]}"#;
/// let says: Vec<_> = llm_api::string_values(body)?.map(|text| text.decode()).collect();
/// assert_eq!(says, ["m", "a"]);
/// # Ok::<(), llm_api::BodyError>(())
/// ```
///
/// # Errors
///
/// [`BodyError::NotUtf8`].
pub fn string_values(body: &[u8]) -> Result<impl Iterator<Item = JsonText<'_>>, BodyError> {
    Value::of_body(body).map(Value::strings)
}
