//! How a request goes to a provider: its path, its headers, its credential.
//!
//! Both ways out of the gateway use [`headers`]: the role `upstream` for the request itself, and
//! the role `route` for the call to a fallback. What isn't listed here goes nowhere: an allowlist
//! needs no knowledge of what meshes, proxies and SDKs will add tomorrow.

use std::collections::BTreeMap;

use facts::Decision;
use llm_api::{Api, Endpoint};

use crate::catalog::{Dialect, Provider};
use crate::credentials::Credentials;

/// The decision for a request to an endpoint of a provider. `client` is the API that the client
/// speaks: where it is the provider's own, headers of that API pass.
pub(crate) fn decision(provider: &Provider, endpoint: Endpoint, client: Api) -> Decision {
    let same_api = client == provider.api();
    let endpoint = if same_api {
        endpoint
    } else {
        counterpart(provider.api())
    };
    let (credential_header, credential_prefix) = credential_place(provider.api());
    let mut headers = provider.headers.clone();
    if let Dialect::Anthropic(anthropic) = &provider.speaks {
        headers.insert(ANTHROPIC_VERSION.to_owned(), anthropic.version.clone());
    }
    let keep: &[&str] = if same_api { api_headers(client) } else { &[] };
    Decision {
        v: Decision::VERSION,
        provider: provider.name.as_str().to_owned(),
        path: format!("{}{}", provider.path_prefix, endpoint.suffix()),
        credential_header: credential_header.to_owned(),
        credential_prefix: credential_prefix.to_owned(),
        headers,
        keep: keep.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// The endpoint that translated requests go to.
fn counterpart(api: Api) -> Endpoint {
    match api {
        Api::OpenAi => Endpoint::ChatCompletions,
        Api::Anthropic => Endpoint::Messages,
    }
}

/// Which header carries the credential, and what stands before it there.
fn credential_place(api: Api) -> (&'static str, &'static str) {
    match api {
        Api::OpenAi => ("authorization", "Bearer "),
        Api::Anthropic => ("x-api-key", ""),
    }
}

/// A client's headers that mean something to a provider of the client's own API. Those that
/// choose an organization or a project of the provider's account are the operator's to set.
fn api_headers(api: Api) -> &'static [&'static str] {
    match api {
        Api::OpenAi => &["openai-beta"],
        Api::Anthropic => &[ANTHROPIC_VERSION, "anthropic-beta"],
    }
}

const ANTHROPIC_VERSION: &str = "anthropic-version";

/// Headers of a client that any provider may see. `idempotency-key` is none of them: tenants share
/// the gateway's account, and one tenant's key could replay the answer to another's.
const KEPT: [&str; 2] = ["accept", "user-agent"];

/// The headers of a client's request that [`headers`] may let pass, copied for a call that is
/// made after the request is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClientHeaders(BTreeMap<String, String>);

impl ClientHeaders {
    /// What may pass of all headers of a request. A value that isn't text, or is too long, stays
    /// behind.
    pub(crate) fn of(all: &[(String, Vec<u8>)]) -> Self {
        let mut kept = BTreeMap::new();
        for (name, value) in all {
            let known = KEPT.contains(&name.as_str())
                || [Api::OpenAi, Api::Anthropic]
                    .iter()
                    .any(|api| api_headers(*api).contains(&name.as_str()));
            let value = std::str::from_utf8(value)
                .ok()
                .filter(|value| value.len() <= MOST_BYTES);
            let (true, Some(value)) = (known, value) else {
                continue;
            };
            // Several values of one name are one list (RFC 9110, section 5.3).
            kept.entry(name.clone())
                .and_modify(|values: &mut String| {
                    values.push(',');
                    values.push_str(value);
                })
                .or_insert_with(|| value.to_owned());
        }
        Self(kept)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A client's header value above it isn't passed on.
const MOST_BYTES: usize = 4096;

/// The gateway has no credential for the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoCredential;

/// All headers of a request to a provider, without the pseudo-headers and those that frame the
/// body. The names are unique.
///
/// # Errors
/// [`NoCredential`] when there is none for this provider.
pub(crate) fn headers(
    decision: &Decision,
    credentials: &Credentials,
    client: &ClientHeaders,
) -> Result<BTreeMap<String, String>, NoCredential> {
    let credential = credentials.of(&decision.provider).ok_or(NoCredential)?;
    let mut headers = decision.headers.clone();
    let api_headers = decision.keep.iter().map(String::as_str);
    for name in KEPT.into_iter().chain(api_headers) {
        if let Some(value) = client.get(name) {
            headers.insert(name.to_owned(), value.to_owned());
        }
    }
    headers.insert("content-type".to_owned(), "application/json".to_owned());
    // No filter reads a compressed answer.
    headers.insert("accept-encoding".to_owned(), "identity".to_owned());
    headers.insert(
        decision.credential_header.clone(),
        format!("{}{credential}", decision.credential_prefix),
    );
    Ok(headers)
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::collections::BTreeMap;

    use facts::Name;
    use llm_api::{Api, Endpoint};
    use test_host::TestEnvironment;

    use super::{ClientHeaders, NoCredential, decision, headers};
    use crate::catalog::{Anthropic, Dialect, Provider};
    use crate::credentials::Credentials;

    fn provider(name: &str, speaks: Dialect) -> Provider {
        Provider {
            name: Name::new(name).unwrap(),
            speaks,
            host: format!("{name}.example.com"),
            cluster: name.to_owned(),
            path_prefix: "/v1".to_owned(),
            headers: BTreeMap::from([("openai-organization".to_owned(), "org-1".to_owned())]),
        }
    }

    fn anthropic() -> Provider {
        let speaks = Anthropic {
            version: "2023-06-01".to_owned(),
            default_max_tokens: 4096,
        };
        provider("anthropic", Dialect::Anthropic(speaks))
    }

    fn credentials() -> Credentials {
        let keys = r#"{"openai":"sk-o","anthropic":"sk-a"}"#;
        Credentials::read(&TestEnvironment::new(&[("AI_PROVIDER_KEYS", keys)])).unwrap()
    }

    fn client(headers: &[(&str, &str)]) -> ClientHeaders {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        ClientHeaders::of(&headers.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn only_what_the_provider_needs_goes_out() {
        let decision = decision(
            &provider("openai", Dialect::OpenAi),
            Endpoint::ChatCompletions,
            Api::OpenAi,
        );
        assert_eq!(decision.path, "/v1/chat/completions");
        let client = client(&[
            ("authorization", "Bearer gateway-key"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-stainless-os", "Linux"),
            ("openai-organization", "org-of-another"),
            ("openai-beta", "assistants=v2"),
            ("anthropic-beta", "x"),
            ("user-agent", "OpenAI/Python"),
            ("accept", "application/json"),
        ]);
        let out = headers(&decision, &credentials(), &client).unwrap();
        let out: Vec<_> = out
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            out,
            [
                ("accept", "application/json"),
                ("accept-encoding", "identity"),
                ("authorization", "Bearer sk-o"),
                ("content-type", "application/json"),
                ("openai-beta", "assistants=v2"),
                ("openai-organization", "org-1"),
                ("user-agent", "OpenAI/Python"),
            ]
        );
    }

    #[test]
    fn a_messages_client_keeps_its_version_and_a_translated_one_gets_the_pinned() {
        let client = client(&[("anthropic-version", "2026-10-21"), ("anthropic-beta", "b")]);
        let same = decision(&anthropic(), Endpoint::CountTokens, Api::Anthropic);
        assert_eq!(same.path, "/v1/messages/count_tokens");
        let out = headers(&same, &credentials(), &client).unwrap();
        assert_eq!(out["anthropic-version"], "2026-10-21");
        assert_eq!(out["anthropic-beta"], "b");
        assert_eq!(out["x-api-key"], "sk-a");
        assert_eq!(out.get("authorization"), None);

        let translated = decision(&anthropic(), Endpoint::ChatCompletions, Api::OpenAi);
        assert_eq!(translated.path, "/v1/messages");
        let out = headers(&translated, &credentials(), &client).unwrap();
        assert_eq!(out["anthropic-version"], "2023-06-01");
        assert_eq!(out.get("anthropic-beta"), None);
    }

    #[test]
    fn without_a_credential_there_are_no_headers() {
        let decision = decision(
            &provider("vllm", Dialect::OpenAi),
            Endpoint::Embeddings,
            Api::OpenAi,
        );
        let out = headers(&decision, &credentials(), &ClientHeaders::default());
        assert_eq!(out, Err(NoCredential));
    }

    #[test]
    fn a_value_that_is_not_text_and_a_name_that_is_not_listed_stay_behind() {
        let all = [
            ("user-agent".to_owned(), b"\xff".to_vec()),
            ("accept".to_owned(), b"a".to_vec()),
            ("accept".to_owned(), b"b".to_vec()),
            ("anthropic-beta".to_owned(), vec![b'x'; 5000]),
            ("idempotency-key".to_owned(), b"of one tenant".to_vec()),
        ];
        let client = ClientHeaders::of(&all);
        assert_eq!(client.get("user-agent"), None);
        assert_eq!(client.get("accept"), Some("a,b"));
        assert_eq!(client.get("anthropic-beta"), None);
        assert_eq!(client.get("idempotency-key"), None);
    }
}
