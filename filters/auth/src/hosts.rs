//! Which hosts of the listener carry LLM traffic.

/// The LLM hosts.
pub(crate) struct Hosts(Vec<HostPattern>);

/// One host, all hosts below a domain, or every host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Every,
    /// The domain with its leading dot.
    Below(String),
    Exact(String),
}

impl Hosts {
    pub(crate) fn new(patterns: Vec<HostPattern>) -> Self {
        Self(patterns)
    }

    /// Whether an `:authority` names an LLM host. Its port doesn't count, nor does the case.
    /// What can't be read as a host is one, so that it is governed rather than passed.
    pub(crate) fn contain(&self, authority: Option<&[u8]>) -> bool {
        let Some(host) = authority.and_then(host_of) else {
            return true;
        };
        self.0.iter().any(|pattern| match pattern {
            HostPattern::Every => true,
            HostPattern::Below(domain) => host.len() > domain.len() && host.ends_with(domain),
            HostPattern::Exact(name) => host == *name,
        })
    }
}

impl HostPattern {
    /// `*`, `*.example.com` or `ai.example.com`.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let is_host = |host: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && host.bytes().all(plain)
        };
        match text.strip_prefix('*') {
            Some("") => Some(Self::Every),
            Some(domain) if domain.strip_prefix('.').is_some_and(is_host) => {
                Some(Self::Below(domain.to_ascii_lowercase()))
            }
            Some(_) => None,
            None => is_host(text).then(|| Self::Exact(text.to_ascii_lowercase())),
        }
    }
}

/// The host of an authority in lower case, without a port and without a root dot.
fn host_of(authority: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(authority).ok()?;
    let host = match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => text,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{HostPattern, Hosts};

    fn hosts(patterns: &[&str]) -> Hosts {
        let read = |pattern: &&str| HostPattern::new(pattern).unwrap();
        Hosts::new(patterns.iter().map(read).collect())
    }

    #[test]
    fn an_authority_matches_without_regard_to_port_case_and_root_dot() {
        let hosts = hosts(&["ai.example.com", "*.llm.example.com"]);
        for authority in [
            "ai.example.com",
            "AI.example.com:8443",
            "ai.example.com.",
            "ai.example.com.:80",
            "a.llm.example.com",
            "a.b.LLM.example.com:1",
        ] {
            assert!(hosts.contain(Some(authority.as_bytes())), "{authority}");
        }
        for authority in [
            "example.com",
            "llm.example.com",
            "xai.example.com",
            "ai.example.com.evil",
        ] {
            assert!(!hosts.contain(Some(authority.as_bytes())), "{authority}");
        }
    }

    #[test]
    fn an_authority_that_can_not_be_read_is_governed() {
        let hosts = hosts(&["ai.example.com"]);
        assert!(hosts.contain(None));
        assert!(hosts.contain(Some(b"")));
        assert!(hosts.contain(Some(b"\xff.example.com")));
    }

    #[test]
    fn what_is_no_host_is_no_pattern() {
        for text in ["", "*x", "*.", "a:80", "a b", "https://a", "*.*.a"] {
            assert_eq!(HostPattern::new(text), None, "{text}");
        }
    }
}
