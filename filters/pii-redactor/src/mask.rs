//! Masking a request: what the detectors find in its strings is replaced by placeholders.
//!
//! Only the bytes of a match change; everything else of the body leaves as it came.

mod inner_escapes;
mod taken;

use std::collections::BTreeMap;

use llm_api::{BodyError, Endpoint, JsonText, Overlap, Request, Span, Splices};

use crate::detect::{Detectors, Match};
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
    let found = find(detectors, &Request::parse(endpoint, body)?, body)?;
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
///
/// It looks into every string that is a value, not only into the texts that an API documents:
/// what was put back anywhere into an answer comes in again with the next turn's history, and a
/// model reads a tool's description as well as a message. Only the name of the model stays.
fn find(
    detectors: &Detectors,
    request: &Request<'_>,
    body: &[u8],
) -> Result<Vec<Found>, MaskError> {
    if request.has_token_input() {
        return Err(MaskError::Tokens);
    }
    // For its error only: a body that nobody can read must not leave.
    request.texts()?;
    let mut found = Vec::new();
    if !detectors.may_find_in(body) {
        return Ok(found);
    }
    let model = request.model().span();
    for text in llm_api::string_values(body)? {
        if text.span() != model && detectors.may_find_in(text.raw().as_bytes()) {
            find_in(detectors, text, &mut found)?;
        }
    }
    Ok(found)
}

/// Appends the personal data of one string.
fn find_in(
    detectors: &Detectors,
    text: JsonText<'_>,
    found: &mut Vec<Found>,
) -> Result<(), MaskError> {
    let says = text.decode();
    let plain = inner_escapes::without(&says);
    let matches = detectors.find(&plain);
    if found.len() + matches.len() > MOST_MATCHES {
        return Err(MaskError::TooManyMatches);
    }
    let ranges = matches.iter().map(|found| found.range.clone()).collect();
    let spans = text.spans_of(&inner_escapes::places(&says, ranges));
    for (Match { range, rule }, span) in matches.into_iter().zip(spans) {
        let original = plain.get(range).unwrap_or_default().to_owned();
        found.push(Found {
            span,
            rule,
            original,
        });
    }
    Ok(())
}
