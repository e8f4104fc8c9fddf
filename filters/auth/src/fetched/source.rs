//! Where a document comes from.

use facts::Name;
use http_filter::{Answer, Call, CallId, CallRefused, ConfigError, Worker};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::outcome::Failure;
use super::schedule::{Schedule, WrittenSchedule};

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The public keys of an issuer (RFC 7517, section 5).
    Jwks,
    /// API keys.
    KeyList,
}

/// A source as the configuration says it.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct WrittenSource {
    /// The proxy's cluster that serves the list: `outbound|80||keys.team.svc.cluster.local`. The
    /// mesh must know its host.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MOST_TEXT_BYTES)))]
    pub(crate) cluster: String,
    /// The host that the fetch asks for.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MOST_TEXT_BYTES)))]
    pub(crate) authority: String,
    /// The path of the list, with its `/`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^/"), length(max = MOST_TEXT_BYTES)))]
    pub(crate) path: String,
    /// How old the list gets before it is fetched again, in seconds: so long a revoked key lives
    /// on.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = super::MOST_SECONDS),
            extend("default" = Kind::KeyList.default_schedule().refresh_seconds)
        )
    )]
    pub(crate) refresh_seconds: Option<u64>,
    /// How soon after a fetch another may be asked for, in seconds.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = super::MOST_SECONDS),
            extend("default" = Kind::KeyList.default_schedule().refetch_seconds)
        )
    )]
    pub(crate) refetch_seconds: Option<u64>,
    /// For how long the last good list stays in use while fetches fail, in seconds; not less than
    /// `refreshSeconds`.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = super::MOST_SECONDS),
            extend("default" = Kind::KeyList.default_schedule().keep_seconds)
        )
    )]
    pub(crate) keep_seconds: Option<u64>,
    /// How long a fetch may take, in milliseconds.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = super::MOST_TIMEOUT_MILLISECONDS),
            extend("default" = Kind::KeyList.default_schedule().timeout_milliseconds)
        )
    )]
    pub(crate) timeout_milliseconds: Option<u64>,
}

/// Where a document comes from, and how often.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    kind: Kind,
    name: Name,
    cluster: String,
    authority: String,
    path: String,
    pub(super) schedule: Schedule,
}

/// Neither a name nor a path of a URL is longer than this in practice.
const MOST_TEXT_BYTES: usize = 2048;

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Jwks => "jwks",
            Self::KeyList => "key_list",
        }
    }

    /// The longest document, in bytes: a key set of a hundred RSA keys with their certificates,
    /// ten thousand API keys.
    pub(super) fn most_bytes(self) -> usize {
        match self {
            Self::Jwks => 256 * 1024,
            Self::KeyList => 2 * 1024 * 1024,
        }
    }

    /// Keys of an issuer change over days, and it tells in advance; a key that is revoked shall
    /// stop within seconds, also where the one who would tell is silenced.
    pub(crate) fn default_schedule(self) -> WrittenSchedule {
        match self {
            Self::Jwks => WrittenSchedule {
                refresh_seconds: 300,
                refetch_seconds: 10,
                keep_seconds: 24 * 3600,
                timeout_milliseconds: 2000,
            },
            Self::KeyList => WrittenSchedule {
                refresh_seconds: 10,
                refetch_seconds: 10,
                keep_seconds: 300,
                timeout_milliseconds: 2000,
            },
        }
    }
}

impl WrittenSource {
    /// Checks a source.
    ///
    /// # Errors
    /// Names the field, without what stands around it.
    pub(crate) fn read(self, kind: Kind, name: Name) -> Result<Source, ConfigError> {
        let Self {
            cluster,
            authority,
            path,
            refresh_seconds,
            refetch_seconds,
            keep_seconds,
            timeout_milliseconds,
        } = self;
        for (field, text) in [
            ("cluster", &cluster),
            ("authority", &authority),
            ("path", &path),
        ] {
            let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
            if text.is_empty() || text.len() > MOST_TEXT_BYTES || !plain {
                let reason = format!("is 1 to {MOST_TEXT_BYTES} visible ASCII characters");
                return Err(ConfigError::new(field, reason));
            }
        }
        if !path.starts_with('/') {
            return Err(ConfigError::new("path", "begins with `/`"));
        }
        let default = kind.default_schedule();
        let refresh_seconds = refresh_seconds.unwrap_or(default.refresh_seconds);
        let schedule = Schedule::new(WrittenSchedule {
            refresh_seconds,
            refetch_seconds: refetch_seconds.unwrap_or(default.refetch_seconds),
            // Who asks for a rare fetch and says no more doesn't ask for a document that expires
            // in between.
            keep_seconds: keep_seconds.unwrap_or(default.keep_seconds.max(refresh_seconds)),
            timeout_milliseconds: timeout_milliseconds.unwrap_or(default.timeout_milliseconds),
        })?;
        Ok(Source {
            kind,
            name,
            cluster,
            authority,
            path,
            schedule,
        })
    }
}

impl Source {
    /// The document's name in logs and metrics: `jwks.keycloak`.
    pub(super) fn label(&self) -> String {
        format!("{}.{}", self.kind.name(), self.name)
    }

    /// The name under which the document stands in shared data. It tells sources apart: after a
    /// change of the configuration nobody reads what came from somewhere else.
    pub(super) fn shared_name(&self) -> String {
        let mut digest = Sha256::new();
        for text in [&self.cluster, &self.authority, &self.path] {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        let digest: [u8; 32] = digest.finalize().into();
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let digest = u64::from_le_bytes(*first);
        format!("auth.v1.{}.{digest:016x}", self.label())
    }

    /// Begins a fetch.
    pub(super) fn call(&self, host: &mut dyn Worker) -> Result<CallId, CallRefused> {
        host.call(&Call {
            cluster: &self.cluster,
            headers: &[
                (":method", "GET"),
                (":path", &self.path),
                (":authority", &self.authority),
                // Kubernetes answers 406 where the type of key sets is missing (RFC 7517,
                // section 8.5.2), others where the plain one is.
                ("accept", "application/jwk-set+json, application/json"),
            ],
            body: b"",
            timeout_milliseconds: self.schedule.timeout_milliseconds(),
        })
    }

    /// The document in an answer. Only 200 has one: a redirect isn't followed, for it could lead
    /// anywhere.
    pub(super) fn document(&self, answer: Option<&dyn Answer>) -> Result<Vec<u8>, Failure> {
        let answer = answer.ok_or(Failure::NoAnswer)?;
        match answer.status() {
            Some(200) => {}
            status => return Err(Failure::Status(status)),
        }
        let most = self.kind.most_bytes();
        answer.body(most).map_err(|_| Failure::TooLarge { most })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use facts::Name;
    use http_filter::ConfigError;
    use test_host::{TestAnswer, TestHeaders, TestHost};

    use super::{Kind, Source, WrittenSource};
    use crate::fetched::outcome::Failure;

    fn read(more: &str) -> Result<Source, ConfigError> {
        let json = format!(r#"{{"cluster":"c","authority":"a","path":"/p"{more}}}"#);
        let written: WrittenSource = http_filter::parse(json.as_bytes())?;
        written.read(Kind::Jwks, Name::new("keycloak").unwrap())
    }

    #[test]
    fn a_mistake_is_named_by_its_field() {
        assert!(read("").is_ok());
        for (field, json) in [
            ("cluster", r#"{"cluster":"","authority":"a","path":"/p"}"#),
            (
                "authority",
                r#"{"cluster":"c","authority":"a\nb","path":"/p"}"#,
            ),
            ("path", r#"{"cluster":"c","authority":"a","path":"p"}"#),
            ("path", r#"{"cluster":"c","authority":"a","path":"/ p"}"#),
            (
                "keepSeconds",
                r#"{"cluster":"c","authority":"a","path":"/p","keepSeconds":1}"#,
            ),
        ] {
            let written: WrittenSource = http_filter::parse(json.as_bytes()).unwrap();
            let error = written.read(Kind::Jwks, Name::new("k").unwrap());
            assert_eq!(error.unwrap_err().field, field, "{json}");
        }
    }

    #[test]
    fn a_revoked_key_stops_sooner_than_a_key_of_an_issuer() {
        let [keys, issuers] = [Kind::KeyList, Kind::Jwks].map(Kind::default_schedule);
        assert!(keys.refresh_seconds < issuers.refresh_seconds);
        assert!(keys.keep_seconds < issuers.keep_seconds);
    }

    #[test]
    fn a_rare_fetch_alone_makes_no_document_expire_in_between() {
        assert!(read(r#","refreshSeconds":172800"#).is_ok());
    }

    #[test]
    fn kubernetes_and_others_are_asked_for_the_type_that_each_has() {
        let mut host = TestHost::new();
        read("").unwrap().call(&mut host).unwrap();
        let accept = host.calls[0]
            .headers
            .iter()
            .find(|(name, _)| name == "accept");
        let (_, types) = accept.unwrap();
        for wanted in ["application/jwk-set+json", "application/json"] {
            assert!(types.split(", ").any(|each| each == wanted), "{types}");
        }
    }

    #[test]
    fn another_source_of_the_same_name_stands_elsewhere() {
        let name = read("").unwrap().shared_name();
        assert_eq!(name, read(r#","refreshSeconds":7"#).unwrap().shared_name());
        let written = WrittenSource {
            path: "/q".to_owned(),
            ..http_filter::parse(br#"{"cluster":"c","authority":"a","path":"/p"}"#).unwrap()
        };
        let other = written.read(Kind::Jwks, Name::new("keycloak").unwrap());
        assert_ne!(name, other.unwrap().shared_name());
        assert!(name.starts_with("auth.v1.jwks.keycloak."), "{name}");
    }

    #[test]
    fn the_call_asks_for_the_path_at_the_authority() {
        let mut host = TestHost::new();
        read("").unwrap().call(&mut host).unwrap();
        let [call] = &host.calls[..] else {
            panic!("one call was made")
        };
        assert_eq!(call.cluster, "c");
        assert_eq!(call.header(":method"), Some("GET"));
        assert_eq!(call.header(":path"), Some("/p"));
        assert_eq!(call.header(":authority"), Some("a"));
        assert_eq!(call.timeout_milliseconds, 2000);
    }

    #[test]
    fn only_a_200_of_a_bounded_size_has_a_document() {
        let source = read("").unwrap();
        let answer = |status: &str, bytes: usize| TestAnswer {
            headers: TestHeaders::new(&[(":status", status)]),
            body: vec![b'x'; bytes],
        };
        let most = Kind::Jwks.most_bytes();
        let found = source.document(Some(&answer("200", most)));
        assert_eq!(found.map(|body| body.len()), Ok(most));
        for (answer, failure) in [
            (answer("200", most + 1), Failure::TooLarge { most }),
            (answer("302", 0), Failure::Status(Some(302))),
            (answer("206", 1), Failure::Status(Some(206))),
            (answer("x", 1), Failure::Status(None)),
        ] {
            assert_eq!(source.document(Some(&answer)), Err(failure));
        }
        assert_eq!(source.document(None), Err(Failure::NoAnswer));
    }
}
