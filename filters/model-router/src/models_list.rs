//! The answers to `GET /v1/models` and `GET /v1/models/{id}`: the models that the gateway serves
//! and the caller may use, from the configuration alone.

use facts::AllowedModels;
use http_filter::Reply;
use llm_api::Api;
use serde::Serialize;

use crate::catalog::{Catalog, Model};
use crate::refused::Refused;

/// The list of all models that the caller may use. It is never cut into pages.
pub(crate) fn list(catalog: &Catalog, allowed: &AllowedModels, api: Api) -> Reply {
    let models: Vec<&Model> = catalog
        .all()
        .map(|model| &**model)
        .filter(|model| allowed.allow(model.name.as_str()))
        .collect();
    match api {
        Api::OpenAi => answer(&OpenAiList {
            object: "list",
            data: models.into_iter().map(OpenAiModel::of).collect(),
        }),
        Api::Anthropic => answer(&AnthropicList {
            first_id: models.first().map(|model| model.name.as_str()),
            last_id: models.last().map(|model| model.name.as_str()),
            has_more: false,
            data: models.into_iter().map(AnthropicModel::of).collect(),
        }),
    }
}

/// One model.
///
/// # Errors
/// 404 for one that isn't served, or that the caller may not use: the list doesn't show it.
pub(crate) fn one(
    catalog: &Catalog,
    allowed: &AllowedModels,
    api: Api,
    id: &str,
) -> Result<Reply, Refused> {
    let found = catalog.get(id).filter(|_| allowed.allow(id));
    let model = found.ok_or(Refused::UnknownModel)?;
    Ok(match api {
        Api::OpenAi => answer(&OpenAiModel::of(model)),
        Api::Anthropic => answer(&AnthropicModel::of(model)),
    })
}

#[derive(Serialize)]
struct OpenAiList<'a> {
    object: &'static str,
    data: Vec<OpenAiModel<'a>>,
}

#[derive(Serialize)]
struct OpenAiModel<'a> {
    id: &'a str,
    object: &'static str,
    /// Unknown: the gateway knows names only.
    created: u64,
    owned_by: &'a str,
}

impl<'a> OpenAiModel<'a> {
    fn of(model: &'a Model) -> Self {
        Self {
            id: model.name.as_str(),
            object: "model",
            created: 0,
            owned_by: model.first.provider.name.as_str(),
        }
    }
}

#[derive(Serialize)]
struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicModel<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    /// The epoch, which this API gives for a date that isn't known.
    created_at: &'static str,
}

impl<'a> AnthropicModel<'a> {
    fn of(model: &'a Model) -> Self {
        Self {
            kind: "model",
            id: model.name.as_str(),
            display_name: model.name.as_str(),
            created_at: "1970-01-01T00:00:00Z",
        }
    }
}

fn answer(body: &impl Serialize) -> Reply {
    // Serialising strings and numbers can't fail; an empty body would be no secret.
    let body = serde_json::to_vec(body).unwrap_or_default();
    Reply::new(200, body, "models_listed").with_header("content-type", "application/json")
}
