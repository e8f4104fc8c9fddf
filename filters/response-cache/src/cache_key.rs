//! Which answer a request may get.

use http_filter::Headers;
use llm_api::Endpoint;
use sha2::{Digest as _, Sha256};

/// What an answer depends on: two requests share an answer only when all of it is the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// Whose answer it is: what one tenant paid for no other one gets, nor can it find out
    /// whether somebody else has asked.
    pub(crate) tenant: &'a str,
    pub(crate) provider: &'a str,
    /// The model as the provider knows it.
    pub(crate) model: &'a str,
    pub(crate) endpoint: Endpoint,
    /// The headers that change an answer.
    pub(crate) variant: &'a Variant,
    /// The body as it goes to the provider.
    pub(crate) body: &'a [u8],
}

/// The request's headers that choose a version or a feature of a provider's API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Variant([Option<Vec<u8>>; VARYING.len()]);

const VARYING: [&str; 5] = [
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
    "openai-organization",
    "openai-project",
];

impl Variant {
    pub(crate) fn of(headers: &dyn Headers) -> Self {
        Self(VARYING.map(|name| headers.get(name)))
    }
}

/// The SHA-256 of a question: nobody finds two questions of one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheKey([u8; 32]);

/// Changes when the parts of a question do.
const FORM: &[u8] = b"response-cache.v1";

impl CacheKey {
    pub(crate) fn of(question: &Question<'_>) -> Self {
        let Question {
            tenant,
            provider,
            model,
            endpoint,
            variant: Variant(variant),
            body,
        } = question;
        let mut hash = Sha256::new();
        for part in [
            FORM,
            tenant.as_bytes(),
            provider.as_bytes(),
            model.as_bytes(),
            endpoint.name().as_bytes(),
        ] {
            write_part(&mut hash, Some(part));
        }
        for header in variant {
            write_part(&mut hash, header.as_deref());
        }
        write_part(&mut hash, Some(body));
        Self(hash.finalize().into())
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Writes a part behind its length, so that no bytes can move from one part to the next. A
/// length that no part has stands for no part at all.
fn write_part(hash: &mut Sha256, part: Option<&[u8]>) {
    let length = part.map_or(u64::MAX, |part| part.len() as u64);
    hash.update(length.to_le_bytes());
    hash.update(part.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use llm_api::Endpoint;
    #[cfg(not(target_arch = "wasm32"))]
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};
    use test_host::TestHeaders;

    use super::{CacheKey, Question, Variant};

    #[test]
    fn each_part_makes_another_key() {
        let plain = Variant::default();
        let beta = Variant::of(&TestHeaders::new(&[("anthropic-beta", "x")]));
        let empty = Variant::of(&TestHeaders::new(&[("anthropic-beta", "")]));
        let question = Question {
            tenant: "a",
            provider: "p",
            model: "m",
            endpoint: Endpoint::ChatCompletions,
            variant: &plain,
            body: b"{}",
        };
        let questions = [
            question,
            Question {
                tenant: "b",
                ..question
            },
            Question {
                provider: "b",
                ..question
            },
            Question {
                model: "b",
                ..question
            },
            Question {
                endpoint: Endpoint::Messages,
                ..question
            },
            Question {
                variant: &beta,
                ..question
            },
            Question {
                variant: &empty,
                ..question
            },
            Question {
                body: b"{ }",
                ..question
            },
            Question {
                tenant: "ap",
                provider: "",
                ..question
            },
        ];
        for (at, one) in questions.iter().enumerate() {
            for (other_at, other) in questions.iter().enumerate() {
                let same = CacheKey::of(one) == CacheKey::of(other);
                assert_eq!(same, at == other_at, "{at} {other_at}");
            }
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    type Parts = (String, String, String, usize, Option<Vec<u8>>, Vec<u8>);

    #[cfg(not(target_arch = "wasm32"))]
    /// Short parts of few letters: alike often enough.
    fn parts() -> impl Strategy<Value = Parts> {
        let text = || "[ab]{0,3}";
        let bytes = || prop::collection::vec(0_u8..2, 0..3);
        let header = prop::option::of(bytes());
        (text(), text(), text(), any::<usize>(), header, bytes())
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn key(parts: &Parts) -> CacheKey {
        let (tenant, provider, model, endpoint, header, body) = parts;
        let mut variant = Variant::default();
        variant.0[1].clone_from(header);
        CacheKey::of(&Question {
            tenant,
            provider,
            model,
            endpoint: Endpoint::ALL[endpoint % 2],
            variant: &variant,
            body,
        })
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest! {
        #[test]
        fn keys_are_the_same_only_for_the_same_question(mut one in parts(), mut other in parts()) {
            one.3 %= 2;
            other.3 %= 2;
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }
    }
}
