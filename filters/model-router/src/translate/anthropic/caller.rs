//! Who asks, as Anthropic's API takes it.

use std::borrow::Cow;

use serde::Serialize;

use crate::translate::Dropped;
use crate::translate::text::Text;

/// Who asks, in the client's own name for them.
#[derive(Debug, Serialize)]
pub(crate) struct Metadata<'a> {
    user_id: Cow<'a, str>,
}

impl<'a> Metadata<'a> {
    /// Nothing where the name looks like an e-mail address or a telephone number: this API
    /// refuses those.
    pub(crate) fn of(
        safety_identifier: Option<Text<'a>>,
        user: Option<Text<'a>>,
        dropped: &mut Dropped,
    ) -> Option<Self> {
        let (member, user) = match safety_identifier {
            Some(identifier) => ("safety_identifier", identifier),
            None => ("user", user?),
        };
        let id = user.as_str();
        let digits = id.bytes().filter(u8::is_ascii_digit).count();
        let telephone = digits >= 7 && id.bytes().all(|byte| b"0123456789+-() .".contains(&byte));
        if id.is_empty() || id.len() > MOST_USER_BYTES || id.contains('@') || telephone {
            dropped.note(member);
            return None;
        }
        Some(Self {
            user_id: user.into_inner(),
        })
    }
}

/// This API's own bound.
const MOST_USER_BYTES: usize = 256;
