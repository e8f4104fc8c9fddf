//! The tokens that a provider counted.

use http_filter::Host;
use llm_api::Usage;
use serde::{Deserialize, Serialize};

use crate::key;

/// The form of the fact [`key::USAGE`]: JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    v: u32,
    input: u64,
    cached_input: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
}

const VERSION: u32 = 1;

/// Publishes the tokens that the provider counted.
pub fn publish_usage(host: &mut dyn Host, usage: Usage) {
    let Usage {
        input,
        cached_input,
        cache_write,
        output,
        reasoning,
    } = usage;
    let form = Form {
        v: VERSION,
        input,
        cached_input,
        cache_write,
        output,
        reasoning,
    };
    match serde_json::to_vec(&form) {
        Ok(json) => host.publish(key::USAGE, &json),
        Err(error) => log::error!("the usage can't be published: {error}"),
    }
}

/// Reads the tokens that the provider counted; `None` where nobody has published them.
#[must_use]
pub fn usage(host: &dyn Host) -> Option<Usage> {
    let form: Form = serde_json::from_slice(&host.fact(key::USAGE)?).ok()?;
    (form.v == VERSION).then_some(Usage {
        input: form.input,
        cached_input: form.cached_input,
        cache_write: form.cache_write,
        output: form.output,
        reasoning: form.reasoning,
    })
}
