//! The APIs and endpoints that the gateway serves, and their names.

/// Whose shape a request, its answer and its errors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// OpenAI's, and of the many servers that speak it.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
}

impl Api {
    /// The name under which facts and configuration know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// The API of that [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::OpenAi, Self::Anthropic]
            .into_iter()
            .find(|api| api.name() == name)
    }
}

/// An endpoint of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `GET /v1/models`, of either API
    Models,
    /// `GET /v1/models/{id}`, of either API; see [`model_id`](crate::model_id)
    Model,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 8] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Models,
        Self::Model,
        Self::Messages,
        Self::CountTokens,
    ];

    /// The name under which facts and metrics know it. It never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Models => "models",
            Self::Model => "model",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
        }
    }

    /// The endpoint of that [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.name() == name)
    }

    /// Its path below the API's version prefix (`/v1`). [`Endpoint::Model`] has the id after it.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/chat/completions",
            Self::Completions => "/completions",
            Self::Responses => "/responses",
            Self::Embeddings => "/embeddings",
            Self::Models => "/models",
            Self::Model => "/models/",
            Self::Messages => "/messages",
            Self::CountTokens => "/messages/count_tokens",
        }
    }

    /// The one method it takes.
    #[must_use]
    pub fn method(self) -> &'static str {
        if self.has_body() { "POST" } else { "GET" }
    }

    /// Whether its requests carry a body that names a model.
    #[must_use]
    pub fn has_body(self) -> bool {
        !matches!(self, Self::Models | Self::Model)
    }

    /// Whether its answers can be event streams.
    #[must_use]
    pub fn can_stream(self) -> bool {
        matches!(
            self,
            Self::ChatCompletions | Self::Completions | Self::Responses | Self::Messages
        )
    }
}
