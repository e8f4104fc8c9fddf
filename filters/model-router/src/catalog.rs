//! The models that the gateway serves, and the providers behind them.

use std::collections::BTreeMap;
use std::rc::Rc;

use facts::{Name, key};
use http_filter::Host;
use llm_api::Api;

use crate::model_name::ModelName;

/// A server that answers for models.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Provider {
    /// Names its routing header's value, its credential and its metrics.
    pub(crate) name: Name,
    pub(crate) speaks: Dialect,
    /// The authority of calls that the router makes itself.
    pub(crate) host: String,
    /// The proxy's cluster for such calls.
    pub(crate) cluster: String,
    /// What stands before an endpoint's own path, such as `/v1`.
    pub(crate) path_prefix: String,
    /// Headers that the operator adds to every request, by name.
    pub(crate) headers: BTreeMap<String, String>,
}

/// The API that a provider speaks, with what only that API needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Anthropic(Anthropic),
}

/// What a provider of Anthropic's Messages API needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Anthropic {
    /// The API's version for translated requests, and for Messages requests that name none.
    pub(crate) version: String,
    /// `max_tokens`, which this API demands, for a request that gives none.
    pub(crate) default_max_tokens: u64,
}

impl Provider {
    pub(crate) fn api(&self) -> Api {
        match self.speaks {
            Dialect::OpenAi => Api::OpenAi,
            Dialect::Anthropic(_) => Api::Anthropic,
        }
    }
}

/// A provider, and a model by the name that it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) provider: Rc<Provider>,
    pub(crate) model: ModelName,
    /// How the model is told how much to think; only for Anthropic's API.
    pub(crate) reasoning: Reasoning,
    /// Whether the model can be held to a JSON schema; only for Anthropic's API.
    pub(crate) structured_outputs: bool,
}

impl Target {
    /// Says that this one answers.
    pub(crate) fn publish(&self, host: &mut dyn Host) {
        host.publish(key::PROVIDER, self.provider.name.as_str().as_bytes());
        host.publish(key::MODEL, self.model.as_str().as_bytes());
    }
}

/// How `reasoning_effort` is said to a model of Anthropic's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reasoning {
    /// As an effort, `output_config.effort`.
    #[default]
    Effort,
    /// As a budget of thinking tokens, for models before efforts.
    Budget,
    /// Not at all: the model doesn't think.
    Dropped,
}

/// A model as clients know it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) name: ModelName,
    pub(crate) first: Target,
    /// Who is asked when the first provider fails.
    pub(crate) fallback: Option<Target>,
}

/// The models that the gateway serves, by the names that clients use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Catalog(BTreeMap<String, Rc<Model>>);

impl Catalog {
    pub(crate) fn new(models: impl IntoIterator<Item = Model>) -> Self {
        let by_name = |model: Model| (model.name.as_str().to_owned(), Rc::new(model));
        Self(models.into_iter().map(by_name).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Rc<Model>> {
        self.0.get(name)
    }

    /// All models, in the order of their names.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Rc<Model>> {
        self.0.values()
    }
}
