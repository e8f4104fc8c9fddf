//! From the client's API to the provider's, and the way back.

pub(crate) mod anthropic;
mod chat;
mod object;
mod text;
pub(crate) mod untranslatable;

use llm_api::{Endpoint, Request, Usage};

use self::anthropic::request::Basics;
use self::chat::answer::Head;
use self::chat::request::ChatRequest;
use self::untranslatable::Untranslatable;
use crate::catalog::{Anthropic, Dialect, Target};
use crate::refused::Refused;

/// A request as its provider reads it, and how the answer goes back.
pub(crate) struct Prepared {
    pub(crate) body: BodyForm,
    pub(crate) answer: AnswerForm,
    pub(crate) dropped: Dropped,
}

/// A body as it goes to a provider.
pub(crate) enum BodyForm {
    /// Byte for byte as the client wrote it.
    Unchanged,
    Changed(Vec<u8>),
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerForm {
    /// The provider speaks the client's API: it stays as it is.
    Same { stream: bool },
    /// A Messages answer becomes one of chat completions.
    Chat(ChatAnswer),
}

/// What a client of chat completions asked its answer to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChatAnswer {
    pub(crate) stream: bool,
    /// A stream ends with a chunk that holds the usage.
    pub(crate) include_usage: bool,
}

impl AnswerForm {
    pub(crate) fn stream(self) -> bool {
        match self {
            Self::Same { stream } => stream,
            Self::Chat(chat) => chat.stream,
        }
    }
}

/// An answer of chat completions that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    /// For an id, should the provider give none.
    pub(crate) random: u64,
    /// Seconds since the Unix epoch.
    pub(crate) created: u64,
    /// The model as the client knows it, should the provider name none.
    pub(crate) model: String,
}

impl Begun {
    /// Which answer it is, with what the provider says of that.
    fn head(&self, id: Option<&str>, model: Option<&str>) -> Head {
        let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Head {
            id: said(id).unwrap_or_else(|| format!("chatcmpl-{:016x}", self.random)),
            created: self.created,
            model: said(model).unwrap_or_else(|| self.model.clone()),
        }
    }
}

/// A whole answer in the client's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) body: Vec<u8>,
    /// What the provider counted.
    pub(crate) usage: Usage,
}

/// Members of a request that have no counterpart at the provider, and without which it still
/// means the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Dropped(Vec<String>);

impl Dropped {
    /// Notes a member. A name that isn't a plain word, and one too many, are not repeated.
    pub(crate) fn note(&mut self, member: &str) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = (1..=64).contains(&member.len()) && member.bytes().all(plain);
        let known = self.0.iter().any(|other| other == member);
        if fits && !known && self.0.len() < MOST_DROPPED {
            self.0.push(member.to_owned());
        }
    }

    /// The names for a header, `None` where nothing was dropped.
    pub(crate) fn header(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(", "))
    }
}

const MOST_DROPPED: usize = 32;

/// Makes a request ready for a provider.
///
/// # Errors
/// 400 where the provider's API has no such endpoint, or the request says what it can't.
pub(crate) fn prepare(
    endpoint: Endpoint,
    request: &Request<'_>,
    body: &[u8],
    target: &Target,
) -> Result<Prepared, Refused> {
    match (endpoint, &target.provider.speaks) {
        (Endpoint::Messages | Endpoint::CountTokens, Dialect::Anthropic(_))
        | (
            Endpoint::ChatCompletions
            | Endpoint::Completions
            | Endpoint::Responses
            | Endpoint::Embeddings,
            Dialect::OpenAi,
        ) => Ok(same_api(request, body, target)),
        (Endpoint::ChatCompletions, Dialect::Anthropic(anthropic)) => {
            Ok(chat_to_anthropic(request, body, target, anthropic)?)
        }
        (Endpoint::Messages | Endpoint::CountTokens, Dialect::OpenAi) => {
            Err(Refused::UnsupportedEndpoint(
                "This model isn't available through the Messages API; use chat completions.",
            ))
        }
        _ => Err(Refused::UnsupportedEndpoint(
            "This model isn't available at this endpoint; use chat completions or Messages.",
        )),
    }
}

/// Only the model's name may differ.
fn same_api(request: &Request<'_>, body: &[u8], target: &Target) -> Prepared {
    let model = target.model.as_str();
    let body = if request.model().is(model) {
        BodyForm::Unchanged
    } else {
        BodyForm::Changed(request.set_model(model).apply(body))
    };
    Prepared {
        body,
        answer: AnswerForm::Same {
            stream: request.stream(),
        },
        dropped: Dropped::default(),
    }
}

fn chat_to_anthropic(
    request: &Request<'_>,
    body: &[u8],
    target: &Target,
    anthropic: &Anthropic,
) -> Result<Prepared, Untranslatable> {
    let stream = request.stream();
    let basics = Basics {
        stream,
        choices: request.choices(),
        max_output_tokens: request.max_output_tokens(),
    };
    let chat = ChatRequest::read(body)?;
    let (body, dropped) = anthropic::request::write(chat, basics, target, anthropic)?;
    Ok(Prepared {
        body: BodyForm::Changed(body),
        answer: AnswerForm::Chat(ChatAnswer {
            stream,
            include_usage: request.asks_usage(),
        }),
        dropped,
    })
}
