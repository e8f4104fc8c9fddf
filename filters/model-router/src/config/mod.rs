//! The plugin's configuration: what serde reads, and what it becomes.

mod check;
mod wire;

use std::collections::BTreeMap;
use std::rc::Rc;

use self::check::{
    check, is_authority, is_free_header, is_header_value, is_path_prefix, is_visible,
};
#[cfg(feature = "schema")]
pub(crate) use self::wire::Wire;
#[cfg(not(feature = "schema"))]
use self::wire::Wire;
use self::wire::{
    WireApi, WireFallback, WireLimits, WireModel, WireProvider, WireReasoning, WireRole,
};
use crate::catalog::{Anthropic, Catalog, Dialect, Model, Provider, Reasoning, Target};
use crate::credentials::Credentials;
use crate::model_name::ModelName;
use facts::Name;
use http_filter::{ConfigError, Environment};

/// What the plugin does in the chain.
#[derive(Debug)]
pub(crate) enum Role {
    Route(Rc<Routing>),
    Upstream(Rc<Credentials>),
}

/// All that the role `route` knows.
#[derive(Debug)]
pub(crate) struct Routing {
    pub(crate) catalog: Catalog,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
}

/// How long the router waits, and how much it keeps in memory, for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// After how many milliseconds the call to a fallback has failed.
    pub(crate) fallback_timeout_milliseconds: u32,
    /// A request with a longer body, in bytes, has no fallback: the body would have to be kept.
    pub(crate) fallback_request_bytes: usize,
    /// A longer answer, in bytes, counts as a failure where it must be read whole: a translated
    /// one that isn't a stream, and a fallback's.
    pub(crate) answer_bytes: usize,
}

/// Reads the configuration of either role.
///
/// # Errors
/// Names the field, or the environment's variable, and says what is wrong with it.
pub(crate) fn read(json: &[u8], environment: &dyn Environment) -> Result<Role, ConfigError> {
    let Wire {
        role,
        providers,
        models,
        limits: wire_limits,
    } = http_filter::parse(json)?;
    let credentials = Credentials::read(environment)?;
    match role {
        WireRole::Upstream => {
            let out_of_place = [
                ("providers", providers.is_empty()),
                ("models", models.is_empty()),
            ];
            for (field, empty) in out_of_place {
                check(empty, field, "belongs to the role `route`")?;
            }
            Ok(Role::Upstream(Rc::new(credentials)))
        }
        WireRole::Route => {
            check(
                providers.len() <= MOST_PROVIDERS,
                "providers",
                "there are more than 64",
            )?;
            check(
                models.len() <= MOST_MODELS,
                "models",
                "there are more than 1024",
            )?;
            let providers = read_all(providers, provider)?;
            let models = models
                .into_iter()
                .map(|(name, wire)| model(&name, wire, &providers))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Role::Route(Rc::new(Routing {
                catalog: Catalog::new(models),
                credentials,
                limits: limits(&wire_limits)?,
            })))
        }
    }
}

/// Metrics have a series for each of them.
const MOST_PROVIDERS: usize = 64;
const MOST_MODELS: usize = 1024;

type Providers = BTreeMap<String, Rc<Provider>>;

fn read_all(
    wires: BTreeMap<String, WireProvider>,
    read: impl Fn(&str, WireProvider) -> Result<Provider, ConfigError>,
) -> Result<Providers, ConfigError> {
    wires
        .into_iter()
        .map(|(name, wire)| Ok((name.clone(), Rc::new(read(&name, wire)?))))
        .collect()
}

fn provider(name: &str, wire: WireProvider) -> Result<Provider, ConfigError> {
    let field = |member: &str| format!("providers.{name}.{member}");
    let WireProvider {
        api,
        host,
        cluster,
        path_prefix,
        version,
        default_max_tokens,
        headers,
    } = wire;
    let name = Name::new(name)
        .map_err(|error| ConfigError::new(format!("providers.{name}"), error.to_string()))?;
    check(is_authority(&host), &field("host"), "is no host name")?;
    check(
        is_visible(&cluster, 256),
        &field("cluster"),
        "is no cluster's name",
    )?;
    check(
        is_path_prefix(&path_prefix),
        &field("pathPrefix"),
        "is no path that begins with `/` and ends without one",
    )?;
    for (header, value) in &headers {
        let field = field(&format!("headers.{header}"));
        check(
            is_free_header(header),
            &field,
            "is no header that may be set here",
        )?;
        check(
            is_header_value(value),
            &field,
            "has a value that can't stand in a header",
        )?;
    }
    let speaks = match api {
        WireApi::OpenAi => {
            let reason = "belongs to the api `anthropic`";
            check(version.is_none(), &field("version"), reason)?;
            check(
                default_max_tokens.is_none(),
                &field("defaultMaxTokens"),
                reason,
            )?;
            Dialect::OpenAi
        }
        WireApi::Anthropic => {
            let version = version.unwrap_or_else(|| ANTHROPIC_VERSION.to_owned());
            check(is_visible(&version, 64), &field("version"), "is no version")?;
            let default_max_tokens = default_max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
            check(
                default_max_tokens > 0,
                &field("defaultMaxTokens"),
                "is zero",
            )?;
            Dialect::Anthropic(Anthropic {
                version,
                default_max_tokens,
            })
        }
    };
    Ok(Provider {
        name,
        speaks,
        host,
        cluster,
        path_prefix,
        headers,
    })
}

/// The version that still takes sampling parameters, which OpenAI's clients send.
const ANTHROPIC_VERSION: &str = "2023-06-01";

const DEFAULT_MAX_TOKENS: u64 = 4096;

fn model(name: &str, wire: WireModel, providers: &Providers) -> Result<Model, ConfigError> {
    let field = |member: &str| format!("models.{name}.{member}");
    let WireModel {
        provider,
        model,
        reasoning,
        structured_outputs,
        fallback,
    } = wire;
    let client_name = model_name(name, &format!("models.{name}"))?;
    let first = Target {
        provider: find(providers, &provider, &field("provider"))?,
        model: match model {
            Some(model) => model_name(&model, &field("model"))?,
            None => client_name.clone(),
        },
        reasoning: reasoning.into(),
        structured_outputs: structured_outputs.unwrap_or(true),
    };
    let fallback = match fallback {
        None => None,
        Some(WireFallback {
            provider,
            model,
            reasoning,
            structured_outputs,
        }) => Some(Target {
            provider: find(providers, &provider, &field("fallback.provider"))?,
            model: model_name(&model, &field("fallback.model"))?,
            reasoning: reasoning.into(),
            structured_outputs: structured_outputs.unwrap_or(true),
        }),
    };
    let differs = fallback.as_ref() != Some(&first);
    check(differs, &field("fallback"), "is the model itself")?;
    Ok(Model {
        name: client_name,
        first,
        fallback,
    })
}

impl From<WireReasoning> for Reasoning {
    fn from(wire: WireReasoning) -> Self {
        match wire {
            WireReasoning::Effort => Self::Effort,
            WireReasoning::Budget => Self::Budget,
            WireReasoning::Drop => Self::Dropped,
        }
    }
}

fn model_name(name: &str, field: &str) -> Result<ModelName, ConfigError> {
    let reason = "a model's name is 1 to 200 of letters, digits and `-_./:@+`";
    ModelName::new(name).ok_or_else(|| ConfigError::new(field, reason))
}

fn find(providers: &Providers, name: &str, field: &str) -> Result<Rc<Provider>, ConfigError> {
    let found = providers.get(name).map(Rc::clone);
    found.ok_or_else(|| ConfigError::new(field, format!("there is no provider `{name}`")))
}

fn limits(wire: &WireLimits) -> Result<Limits, ConfigError> {
    let WireLimits {
        fallback_timeout_seconds,
        max_fallback_request_bytes,
        max_answer_bytes,
    } = *wire;
    let in_range = (1..=wire::MOST_SECONDS).contains(&fallback_timeout_seconds);
    check(
        in_range,
        "limits.fallbackTimeoutSeconds",
        "is not 1 to 3600",
    )?;
    for (field, bytes) in [
        ("limits.maxFallbackRequestBytes", max_fallback_request_bytes),
        ("limits.maxAnswerBytes", max_answer_bytes),
    ] {
        check(bytes <= wire::MOST_BYTES, field, "is more than 32 MiB")?;
    }
    Ok(Limits {
        fallback_timeout_milliseconds: fallback_timeout_seconds.saturating_mul(1000),
        fallback_request_bytes: max_fallback_request_bytes,
        answer_bytes: max_answer_bytes,
    })
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use serde_json::{Value, json};
    use test_host::TestEnvironment;

    use super::{Role, Routing, read};

    fn sample() -> Value {
        json!({
            "role": "route",
            "providers": {
                "openai": {"api": "openai", "host": "api.openai.com",
                    "cluster": "outbound|443||api.openai.com", "pathPrefix": "/v1"},
                "anthropic": {"api": "anthropic", "host": "api.anthropic.com",
                    "cluster": "outbound|443||api.anthropic.com", "pathPrefix": "/v1",
                    "version": "2023-06-01", "defaultMaxTokens": 1000},
            },
            "models": {
                "gpt-4.1-mini": {"provider": "openai",
                    "fallback": {"provider": "anthropic", "model": "claude-haiku-4-5"}},
                "fast": {"provider": "openai", "model": "gpt-4.1-mini"},
            },
        })
    }

    fn routing(config: &Value) -> Result<std::rc::Rc<Routing>, String> {
        let json = config.to_string();
        match read(json.as_bytes(), &TestEnvironment::default()) {
            Ok(Role::Route(routing)) => Ok(routing),
            Ok(Role::Upstream(_)) => panic!("another role"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn an_alias_is_a_model_with_another_name_at_its_provider() {
        let routing = routing(&sample()).unwrap();
        let fast = routing.catalog.get("fast").unwrap();
        assert_eq!(fast.first.model.as_str(), "gpt-4.1-mini");
        let plain = routing.catalog.get("gpt-4.1-mini").unwrap();
        assert_eq!(plain.first, fast.first);
        assert_eq!(
            plain.fallback.as_ref().unwrap().provider.name.as_str(),
            "anthropic"
        );
        assert_eq!(routing.limits.fallback_timeout_milliseconds, 120_000);
    }

    #[test]
    fn an_error_names_the_field() {
        let cases = [
            (
                "/models/fast/provider",
                json!("azure"),
                "models.fast.provider",
            ),
            ("/models/fast/model", json!("a b"), "models.fast.model"),
            (
                "/models/gpt-4.1-mini/fallback",
                json!({"provider": "openai", "model": "gpt-4.1-mini"}),
                "models.gpt-4.1-mini.fallback",
            ),
            (
                "/providers/openai/cluster",
                json!(""),
                "providers.openai.cluster",
            ),
            (
                "/providers/openai/host",
                json!("api.openai.com/v1"),
                "providers.openai.host",
            ),
            (
                "/providers/openai/pathPrefix",
                json!("v1"),
                "providers.openai.pathPrefix",
            ),
            (
                "/providers/openai/pathPrefix",
                json!("/v1/"),
                "providers.openai.pathPrefix",
            ),
            (
                "/providers/openai/pathPrefix",
                json!("/v1/../x"),
                "providers.openai.pathPrefix",
            ),
            (
                "/providers/anthropic/defaultMaxTokens",
                json!(0),
                "providers.anthropic.defaultMaxTokens",
            ),
            (
                "/providers/anthropic/api",
                json!("gemini"),
                "providers.anthropic.api",
            ),
            ("/role", json!("both"), "role"),
        ];
        for (pointer, value, field) in cases {
            let mut config = sample();
            *config.pointer_mut(pointer).unwrap() = value.clone();
            let error = routing(&config).unwrap_err();
            assert!(error.contains(&format!("`{field}`")), "{value}: {error}");
        }
    }

    #[test]
    fn what_is_unknown_or_out_of_place_is_refused() {
        for (pointer, member, value, field) in [
            ("", "provider", json!({}), "provider"),
            (
                "/providers/openai",
                "version",
                json!("2023-06-01"),
                "providers.openai.version",
            ),
            (
                "/providers/openai",
                "apiKey",
                json!("x"),
                "providers.openai.apiKey",
            ),
            (
                "/providers/openai",
                "headers",
                json!({"host": "x"}),
                "providers.openai.headers.host",
            ),
            (
                "/providers/openai",
                "headers",
                json!({"a": "x\ny"}),
                "providers.openai.headers.a",
            ),
            (
                "/providers",
                "Open AI",
                json!({"api": "openai", "host": "a", "cluster": "b"}),
                "providers.Open AI",
            ),
            (
                "/models",
                "a;b",
                json!({"provider": "openai"}),
                "models.a;b",
            ),
            (
                "",
                "limits",
                json!({"fallbackTimeoutSeconds": 0}),
                "limits.fallbackTimeoutSeconds",
            ),
        ] {
            let mut config = sample();
            let place = config
                .pointer_mut(pointer)
                .unwrap()
                .as_object_mut()
                .unwrap();
            place.insert(member.to_owned(), value);
            let error = routing(&config).unwrap_err();
            assert!(error.contains(&format!("`{field}`")), "{member}: {error}");
        }
    }

    #[test]
    fn the_role_upstream_has_no_models() {
        let error = read(
            br#"{"role":"upstream","models":{"a":{"provider":"b"}}}"#,
            &TestEnvironment::default(),
        );
        assert_eq!(error.unwrap_err().field, "models");
        assert!(read(b"", &TestEnvironment::default()).is_err());
    }
}
