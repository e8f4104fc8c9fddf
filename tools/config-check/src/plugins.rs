//! The five filters: what their own code says of a configuration, and where they stand.

use http_filter::{ConfigError, Environment, Filter};

/// One filter.
pub(crate) struct Plugin {
    /// The module's name: the last part of its image.
    pub(crate) module: &'static str,
    /// One line for the reference.
    pub(crate) about: &'static str,
    /// Reads a `pluginConfig` as the filter in the proxy does.
    pub(crate) configure: fn(&[u8]) -> Result<(), ConfigError>,
    /// The JSON Schema of `pluginConfig`.
    pub(crate) schema: fn() -> schemars::Schema,
}

/// All of them, in the order of the chain.
pub(crate) const ALL: &[Plugin] = &[
    Plugin {
        module: "auth",
        about: "who calls: tenants, credentials, and which hosts carry LLM traffic",
        configure: configure::<auth::Auth>,
        schema: auth::schema,
    },
    Plugin {
        module: "pii-redactor",
        about: "what may leave",
        configure: configure::<pii_redactor::PiiRedactor>,
        schema: pii_redactor::schema,
    },
    Plugin {
        module: "token-counter",
        about: "how much: limits and prices",
        configure: configure::<token_counter::TokenCounter>,
        schema: token_counter::schema,
    },
    Plugin {
        module: "model-router",
        about: "where to: providers, models, fallbacks",
        configure: configure::<model_router::ModelRouter>,
        schema: model_router::schema,
    },
    Plugin {
        module: "response-cache",
        about: "whether this provider has already answered this very request",
        configure: configure::<response_cache::ResponseCache>,
        schema: response_cache::schema,
    },
];

impl Plugin {
    /// The filter of this name.
    pub(crate) fn of(module: &str) -> Option<&'static Self> {
        ALL.iter().find(|plugin| plugin.module == module)
    }
}

/// Secrets aren't here: a filter that reads one takes its absence as what it is.
struct Nothing;

impl Environment for Nothing {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

fn configure<F: Filter>(json: &[u8]) -> Result<(), ConfigError> {
    F::configure(json, &Nothing).map(|_| ())
}
