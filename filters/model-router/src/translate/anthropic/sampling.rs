//! Temperature and nucleus, as Anthropic's API takes them.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::reasoning::Thinking;
use crate::catalog::Anthropic;
use crate::translate::Dropped;
use crate::translate::chat::request::Number;
use crate::translate::untranslatable::Untranslatable;

/// How the next token is chosen.
pub(crate) struct Sampling<'a> {
    pub(crate) temperature: Option<Cow<'a, RawValue>>,
    pub(crate) top_p: Option<&'a RawValue>,
}

impl<'a> Sampling<'a> {
    /// What of it the model takes; what isn't a number in range is refused.
    pub(crate) fn of(
        temperature: Option<Number<'a>>,
        top_p: Option<Number<'a>>,
        thinking: Thinking,
        anthropic: &Anthropic,
        dropped: &mut Dropped,
    ) -> Result<Self, Untranslatable> {
        let sampling = Self {
            temperature: temperature
                .map(|number| clamped(number, dropped))
                .transpose()?,
            top_p: top_p
                .map(|number| in_range("top_p", number, 1.0))
                .transpose()?,
        };
        let thinks = matches!(thinking, Thinking::Budget { .. });
        let Self { temperature, top_p } = sampling;
        let no_temperature = thinks || anthropic.version.as_str() >= NO_SAMPLING_SINCE;
        // Some models refuse both together.
        let no_top_p = no_temperature || temperature.is_some();
        for (name, present, gone) in [
            ("temperature", temperature.is_some(), no_temperature),
            ("top_p", top_p.is_some(), no_top_p),
        ] {
            if present && gone {
                dropped.note(name);
            }
        }
        Ok(Self {
            temperature: temperature.filter(|_| !no_temperature),
            top_p: top_p.filter(|_| !no_top_p),
        })
    }
}

/// The first version of the API that refuses these members. Versions are dates.
const NO_SAMPLING_SINCE: &str = "2026-10-21";

/// OpenAI's temperatures go up to 2, Anthropic's to 1: the hottest that there is.
fn clamped<'a>(
    number: Number<'a>,
    dropped: &mut Dropped,
) -> Result<Cow<'a, RawValue>, Untranslatable> {
    let spelling = in_range("temperature", number, 2.0)?;
    if number.value <= 1.0 {
        return Ok(Cow::Borrowed(spelling));
    }
    dropped.note("temperature");
    let one = RawValue::from_string("1".to_owned());
    one.map(Cow::Owned)
        .map_err(|_| Untranslatable::Malformed("temperature"))
}

fn in_range<'a>(
    member: &'static str,
    number: Number<'a>,
    most: f64,
) -> Result<&'a RawValue, Untranslatable> {
    if (0.0..=most).contains(&number.value) {
        return Ok(number.spelling);
    }
    Err(Untranslatable::Malformed(member))
}
