//! One request and its answer.

use facts::{Name, Refusal, Traffic, key, refuse};
use http_filter::{Body, Change, Event, Filter, Flow, Headers, Host, Metric, Reply, Stream, Time};
use llm_api::{Api, Endpoint};

use crate::admission::{Wish, is_cacheable, is_stateless};
use crate::cache_key::{CacheKey, Question, Variant};
use crate::completeness::Form;
use crate::config::Config;
use crate::entry::Entry;
use crate::{ResponseCache, store};

/// One request and its answer.
pub struct Exchange {
    config: Config,
    state: State,
}

enum State {
    /// The cache takes no part in what still comes: it never did, it has answered, or the answer
    /// is not to be kept.
    NoPart,
    /// Nothing has come yet.
    Opened,
    /// The request's body is coming.
    Asked(Asked),
    /// The provider was asked.
    Missed(CacheKey),
    /// Its answer is coming, and so far it may be kept.
    Copying(Copying),
}

/// What the request's headers said.
struct Asked {
    api: Api,
    endpoint: Endpoint,
    tenant: Name,
    wish: Wish,
    variant: Variant,
}

/// An answer that passes, and the copy of it so far.
struct Copying {
    key: CacheKey,
    form: Form,
    content_type: Vec<u8>,
    /// Never longer than the configuration allows an entry to be.
    copy: Vec<u8>,
}

/// The header of answers that says what the cache did.
const RESULT_HEADER: &str = "x-ai-cache";
const HIT: &str = "hit";
const MISS: &str = "miss";

impl Exchange {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            state: State::Opened,
        }
    }
}

impl Stream for Exchange {
    fn handle(self, now: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        let Self { config, state } = self;
        let (state, flow) = match (state, event) {
            (
                State::Opened,
                Event::RequestHeaders {
                    headers,
                    end_of_stream: false,
                },
            ) => (open(headers, host), Flow::Continue),
            (
                State::Asked(asked),
                Event::RequestBody {
                    end_of_stream: false,
                    ..
                },
            ) => (State::Asked(asked), Flow::Hold),
            (
                State::Asked(asked),
                Event::RequestBody {
                    body,
                    end_of_stream: true,
                },
            ) => answer(config, &asked, body, now, host),
            (State::Asked(asked), Event::RequestTrailers) => {
                let flow = refuse(host, ResponseCache::NAME, asked.api, &Refusal::trailers());
                (State::NoPart, flow)
            }
            (
                State::Missed(key),
                Event::ResponseHeaders {
                    headers,
                    end_of_stream,
                },
            ) => {
                headers.set(RESULT_HEADER, MISS.as_bytes());
                let state = if end_of_stream {
                    State::NoPart
                } else {
                    begin_copy(key, headers)
                };
                (state, Flow::Continue)
            }
            (
                State::Copying(copying),
                Event::ResponseBody {
                    body,
                    end_of_stream,
                },
            ) => {
                let state = copy(config, copying, body, end_of_stream, now, host);
                (state, Flow::Continue)
            }
            // Whatever else comes ends what the cache could do: a second message, an answer before
            // the request's end, trailers, a reset. Only calls are never ours.
            (state, Event::CallAnswered { .. }) => (state, Flow::Continue),
            _ => (State::NoPart, Flow::Continue),
        };
        (Self { config, state }, flow)
    }
}

/// Whether the cache takes part, as far as headers can tell.
fn open(headers: &dyn Headers, host: &dyn Host) -> State {
    let Traffic::Governed { api, endpoint } = Traffic::of(host) else {
        return State::NoPart;
    };
    let wish = Wish::of(headers.get("cache-control").as_deref());
    if !is_cacheable(endpoint) || wish == Wish::NoPart {
        return State::NoPart;
    }
    let Some(tenant) = facts::tenant(host) else {
        return State::NoPart;
    };
    State::Asked(Asked {
        api,
        endpoint,
        tenant,
        wish,
        variant: Variant::of(headers),
    })
}

/// The request is complete: answers it, or lets it go on to the provider.
fn answer(
    config: Config,
    asked: &Asked,
    body: &dyn Body,
    now: Time,
    host: &mut dyn Host,
) -> (State, Flow) {
    let body = body.read();
    let provider = text_fact(host, key::PROVIDER);
    let model = text_fact(host, key::MODEL);
    let (Some(provider), Some(model)) = (provider, model) else {
        return (State::NoPart, Flow::Continue);
    };
    if !is_stateless(asked.endpoint, &body) {
        return (State::NoPart, Flow::Continue);
    }
    let key = CacheKey::of(&Question {
        tenant: asked.tenant.as_str(),
        provider: &provider,
        model: &model,
        endpoint: asked.endpoint,
        variant: &asked.variant,
        body: &body,
    });
    if asked.wish == Wish::Fresh {
        host.publish(key::CACHE, MISS.as_bytes());
        return (State::Missed(key), Flow::Continue);
    }
    match store::look_up(host, config.slots, &key, now, |entry| hit(entry, now)) {
        Some(reply) => {
            report(host, asked, &provider, HIT);
            (State::NoPart, Flow::Reply(reply))
        }
        None => {
            report(host, asked, &provider, MISS);
            (State::Missed(key), Flow::Continue)
        }
    }
}

fn text_fact(host: &dyn Host, key: &str) -> Option<String> {
    let text = String::from_utf8(host.fact(key)?).ok()?;
    Some(text).filter(|text| !text.is_empty())
}

fn hit(entry: &Entry<'_>, now: Time) -> Reply {
    Reply::new(200, entry.body.to_vec(), "cache_hit")
        .with_header("content-type", entry.content_type)
        .with_header(RESULT_HEADER, HIT)
        .with_header("age", entry.age_seconds(now).to_string())
}

fn report(host: &mut dyn Host, asked: &Asked, provider: &str, result: &'static str) {
    host.publish(key::CACHE, result.as_bytes());
    host.record(Metric {
        name: "ai_cache_lookups_total",
        labels: &[
            ("tenant", asked.tenant.as_str()),
            ("provider", provider),
            ("cache_result", result),
        ],
        change: Change::Add(1),
    });
}

fn begin_copy(key: CacheKey, headers: &dyn Headers) -> State {
    match Form::announced(headers) {
        None => State::NoPart,
        Some((form, content_type)) => State::Copying(Copying {
            key,
            form,
            content_type,
            copy: Vec::new(),
        }),
    }
}

/// Takes one more piece of the answer, and keeps the answer when it is complete.
fn copy(
    config: Config,
    mut copying: Copying,
    body: &dyn Body,
    end_of_stream: bool,
    now: Time,
    host: &mut dyn Host,
) -> State {
    if copying.copy.len().saturating_add(body.len()) > config.max_entry_bytes {
        return State::NoPart;
    }
    copying.copy.extend_from_slice(&body.read());
    if !end_of_stream {
        return State::Copying(copying);
    }
    if copying.form.is_complete(&copying.copy) {
        let entry = Entry {
            key: copying.key,
            stored: now,
            expires: now.plus(config.ttl_nanoseconds),
            content_type: &copying.content_type,
            body: &copying.copy,
        };
        store::keep(host, config.slots, entry);
    }
    State::NoPart
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
