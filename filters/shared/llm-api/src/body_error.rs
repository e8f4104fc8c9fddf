//! Why a body can't be read.

use std::fmt;

/// What is wrong with a body. Facts only: no byte of the body is in it, so it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The body is not UTF-8, which RFC 8259 (section 8.1) demands.
    NotUtf8,
    /// The body is not JSON.
    NotJson {
        /// Roughly where the reader gave up, in bytes from the body's start.
        offset: usize,
    },
    /// The body is JSON, but no object.
    NotAnObject,
    /// A member that the API demands is absent.
    Missing(&'static str),
    /// A member has a type that the API does not give it.
    WrongType(&'static str),
    /// A member that we read stands twice in one object, or in other letter case: an upstream
    /// might read the other one.
    Duplicate(&'static str),
    /// A member that chooses models, or servers, beside `model`: whether the caller may use them
    /// nobody has asked.
    ChoosesModels(&'static str),
    /// A member nests content deeper than any API does.
    TooDeep(&'static str),
    /// The body holds more things of this kind than are read: each costs many times its bytes.
    TooMany(Plenty),
    /// The endpoint has no such body.
    NoBody,
}

/// What a body can hold more of than is read. An empty string is three bytes of a body, and
/// more than ten times that in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plenty {
    /// Strings that somebody says.
    Texts,
    /// Names of objects stored at the provider.
    StoredObjects,
    /// Choices of an answer.
    Choices,
}

impl Plenty {
    /// How many of one kind are read of one body.
    pub const MOST: usize = 100_000;

    /// Appends to what was read so far, if there is room.
    pub(crate) fn push<T>(self, read: &mut Vec<T>, next: T) -> Result<(), BodyError> {
        if read.len() >= Self::MOST {
            return Err(BodyError::TooMany(self));
        }
        read.push(next);
        Ok(())
    }
}

impl fmt::Display for Plenty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Texts => "texts",
            Self::StoredObjects => "stored objects",
            Self::Choices => "choices",
        })
    }
}

impl BodyError {
    /// The member it is about, to name as `param` in an answer.
    #[must_use]
    pub fn member(self) -> Option<&'static str> {
        match self {
            Self::Missing(member)
            | Self::WrongType(member)
            | Self::Duplicate(member)
            | Self::ChoosesModels(member)
            | Self::TooDeep(member) => Some(member),
            Self::NotUtf8
            | Self::NotJson { .. }
            | Self::NotAnObject
            | Self::TooMany(_)
            | Self::NoBody => None,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("the body is not UTF-8"),
            Self::NotJson { offset } => write!(f, "the body is not JSON (near byte {offset})"),
            Self::NotAnObject => f.write_str("the body is not a JSON object"),
            Self::Missing(member) => write!(f, "`{member}` is missing"),
            Self::WrongType(member) => write!(f, "`{member}` has the wrong type"),
            Self::Duplicate(member) => {
                write!(f, "`{member}` is given twice, or in other letter case")
            }
            Self::ChoosesModels(member) => {
                write!(f, "`{member}` chooses models, which only `model` may")
            }
            Self::TooDeep(member) => write!(f, "`{member}` is nested too deeply"),
            Self::TooMany(plenty) => {
                write!(f, "the body holds more than {} {plenty}", Plenty::MOST)
            }
            Self::NoBody => f.write_str("the endpoint has no such body"),
        }
    }
}

impl std::error::Error for BodyError {}
