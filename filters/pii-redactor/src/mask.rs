//! Masking a request: what the detectors find in its texts is replaced by placeholders.
//!
//! Only the bytes of a match change; everything else of the body leaves as it came.

mod taken;

use std::collections::BTreeMap;

use llm_api::{BodyError, Endpoint, Overlap, Request, Span, Splices, Text};

use crate::detect::Detectors;
use crate::originals::{Numbering, Originals, TooManyValues};
use crate::rule::Rule;

/// A request without its personal data.
#[derive(Debug)]
pub(crate) struct Masked {
    /// The body that may leave.
    pub(crate) body: Vec<u8>,
    /// What was taken out of it.
    pub(crate) originals: Originals,
    /// How many places each rule has masked.
    pub(crate) counts: BTreeMap<Rule, u64>,
}

/// Why a request can't be masked, and must not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MaskError {
    /// Its body can't be read as the endpoint's request.
    Unreadable(BodyError),
    /// An input is given as the numbers of tokens, in which nothing can be found.
    Tokens,
    /// It holds more matches, or more different values, than are kept.
    TooManyMatches,
    /// Two texts of it share bytes.
    Overlap,
}

impl From<BodyError> for MaskError {
    fn from(error: BodyError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<TooManyValues> for MaskError {
    fn from(_: TooManyValues) -> Self {
        Self::TooManyMatches
    }
}

impl From<Overlap> for MaskError {
    fn from(_: Overlap) -> Self {
        Self::Overlap
    }
}

/// How many matches of one request are kept, so that a body of nothing but addresses can't take
/// many times its size of memory.
const MOST_MATCHES: usize = 100_000;

/// Personal data in a body.
struct Found {
    span: Span,
    rule: Rule,
    original: String,
}

/// Masks a request's body; `None` where there is nothing to mask.
///
/// # Errors
/// [`MaskError`] says why the request must be refused.
pub(crate) fn mask(
    detectors: &Detectors,
    endpoint: Endpoint,
    body: &[u8],
) -> Result<Option<Masked>, MaskError> {
    let found = find(detectors, &Request::parse(endpoint, body)?)?;
    if found.is_empty() {
        return Ok(None);
    }
    let mut numbering = Numbering::skipping(taken::placeholders_in(body));
    let mut edits = Splices::new();
    let mut counts = BTreeMap::new();
    for Found {
        span,
        rule,
        original,
    } in found
    {
        let placeholder = numbering.placeholder(rule, original)?;
        edits.replace(span, placeholder.to_string())?;
        *counts.entry(rule).or_default() += 1;
    }
    Ok(Some(Masked {
        body: edits.apply(body),
        originals: numbering.into_originals(),
        counts,
    }))
}

/// All personal data of a request, in the body's order.
fn find(detectors: &Detectors, request: &Request<'_>) -> Result<Vec<Found>, MaskError> {
    if request.has_token_input() {
        return Err(MaskError::Tokens);
    }
    let mut found = Vec::new();
    for text in texts(request)? {
        let says = text.text.decode();
        let matches = detectors.find(&says);
        if found.len() + matches.len() > MOST_MATCHES {
            return Err(MaskError::TooManyMatches);
        }
        let ranges: Vec<_> = matches.iter().map(|found| found.range.clone()).collect();
        let spans = text.text.spans_of(&ranges);
        for (found_there, span) in matches.into_iter().zip(spans) {
            let original = says.get(found_there.range).unwrap_or_default().to_owned();
            let rule = found_there.rule;
            found.push(Found {
                span,
                rule,
                original,
            });
        }
    }
    found.sort_by_key(|found| found.span);
    Ok(found)
}

/// All texts of a request, the inputs of earlier tool calls among them: these were restored on
/// their way to the client.
fn texts<'a>(request: &Request<'a>) -> Result<Vec<Text<'a>>, BodyError> {
    let mut texts = request.texts()?;
    if let Request::Messages(messages) = request {
        texts.extend(messages.tool_inputs()?);
    }
    Ok(texts)
}
