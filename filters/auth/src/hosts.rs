//! Which hosts of the listener carry LLM traffic, and which credentials count there.

use std::rc::Rc;

use crate::sources::Source;

/// The LLM hosts, the most particular first.
pub(crate) struct Hosts {
    hosts: Vec<Host>,
    /// Some of them ask for the port.
    by_port: bool,
    /// The sources of what no entry speaks for.
    none: Rc<[Source]>,
}

/// One entry of the configuration.
pub(crate) struct Host {
    pub(crate) pattern: HostPattern,
    /// The listener's ports on which its sources count; empty is every port.
    pub(crate) ports: Vec<u16>,
    /// In order: the first that has a credential says who calls.
    pub(crate) sources: Rc<[Source]>,
}

/// One host, all hosts below a domain, or every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Every,
    /// The domain with its leading dot.
    Below(String),
    Exact(String),
}

impl Hosts {
    pub(crate) fn new(mut hosts: Vec<Host>) -> Self {
        hosts.sort_by_key(|host| std::cmp::Reverse(host.particularity()));
        let by_port = hosts.iter().any(|host| !host.ports.is_empty());
        let none = Rc::default();
        Self {
            hosts,
            by_port,
            none,
        }
    }

    /// Which credentials count for an `:authority`, whose port and case don't matter; `None`
    /// where it is no LLM host.
    ///
    /// The most particular entry that names the host decides; where it and its like are for other
    /// ports only, the host is governed, and no credential counts. So is what can't be read as a host.
    pub(crate) fn sources(
        &self,
        authority: Option<&[u8]>,
        port: impl FnOnce() -> Option<u16>,
    ) -> Option<&Rc<[Source]>> {
        let Some(host) = authority.and_then(host_of) else {
            return Some(&self.none);
        };
        let mut entries = self.hosts.iter();
        let named = entries.find(|entry| entry.pattern.matches(&host))?;
        let port = if self.by_port { port() } else { None };
        let mut of_this_name =
            std::iter::once(named).chain(entries.filter(|entry| entry.pattern == named.pattern));
        let entry = of_this_name.find(|entry| entry.has_port(port));
        Some(entry.map_or(&self.none, |entry| &entry.sources))
    }
}

impl Host {
    /// Whether two entries could both speak for the same request.
    pub(crate) fn clashes_with(&self, other: &Self) -> bool {
        let shared = self.ports.iter().any(|port| other.ports.contains(port));
        self.pattern == other.pattern
            && (shared || (self.ports.is_empty() && other.ports.is_empty()))
    }

    fn has_port(&self, port: Option<u16>) -> bool {
        self.ports.is_empty() || port.is_some_and(|port| self.ports.contains(&port))
    }

    /// A host before a domain, a long domain before a short one, a port before every port.
    fn particularity(&self) -> (u8, usize, bool) {
        let (kind, length) = match &self.pattern {
            HostPattern::Every => (0, 0),
            HostPattern::Below(domain) => (1, domain.len()),
            HostPattern::Exact(_) => (2, 0),
        };
        (kind, length, !self.ports.is_empty())
    }
}

impl HostPattern {
    /// `*`, `*.example.com` or `ai.example.com`: a name as a request's is read, so that no entry is
    /// there that no request could mean.
    pub(crate) fn new(text: &str) -> Option<Self> {
        match text.strip_prefix('*') {
            Some("") => Some(Self::Every),
            Some(domain) if domain.strip_prefix('.').is_some_and(is_name) => {
                Some(Self::Below(domain.to_ascii_lowercase()))
            }
            Some(_) => None,
            None => is_name(text).then(|| Self::Exact(text.to_ascii_lowercase())),
        }
    }

    /// Whether it means that host.
    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Below(domain) => host.len() > domain.len() && host.ends_with(domain),
            Self::Exact(name) => host == name,
        }
    }
}

/// The host of an authority in lower case, without a port and without a root dot; `None` where it
/// isn't a host with or without a port (RFC 9110, section 7.2). Of registered names that is a DNS
/// name, `_` included: RFC 3986 (section 3.2.2) has room for more, such as `a,b` and `%2e`, which the
/// next one who reads it might take for another host.
fn host_of(authority: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(authority).ok()?;
    if let Some(literal) = text.strip_prefix('[') {
        let (address, port) = literal.split_once(']')?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_number);
        let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
        return (is_port && is_address).then(|| format!("[{address}]").to_ascii_lowercase());
    }
    let host = match text.split_once(':') {
        Some((host, port)) => Some(host).filter(|_| is_number(port))?,
        None => text,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    is_name(host).then(|| host.to_ascii_lowercase())
}

/// A port may be empty: `example.com:` is `example.com`.
fn is_number(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    host.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Host, HostPattern, Hosts};
    use crate::sources::Source;

    fn host(pattern: &str, ports: &[u16], sources: &[Source]) -> Host {
        Host {
            pattern: HostPattern::new(pattern).unwrap(),
            ports: ports.to_vec(),
            sources: sources.into(),
        }
    }

    fn sources<'h>(
        hosts: &'h Hosts,
        authority: Option<&[u8]>,
        port: Option<u16>,
    ) -> Option<&'h [Source]> {
        hosts.sources(authority, || port).map(|sources| &**sources)
    }

    fn contain(hosts: &Hosts, authority: Option<&[u8]>) -> bool {
        hosts.sources(authority, || None).is_some()
    }

    #[test]
    fn an_authority_matches_without_regard_to_port_case_and_root_dot() {
        let hosts = Hosts::new(vec![
            host("ai.example.com", &[], &[]),
            host("*.llm.example.com", &[], &[]),
        ]);
        for authority in [
            "ai.example.com",
            "AI.example.com:8443",
            "ai.example.com.",
            "ai.example.com.:80",
            "a.llm.example.com",
            "a.b.LLM.example.com:1",
        ] {
            assert!(contain(&hosts, Some(authority.as_bytes())), "{authority}");
        }
        for authority in [
            "example.com",
            "llm.example.com",
            "xai.example.com",
            "ai.example.com.evil",
        ] {
            assert!(!contain(&hosts, Some(authority.as_bytes())), "{authority}");
        }
    }

    #[test]
    fn an_authority_that_can_not_be_read_is_governed_and_nothing_speaks_for_it() {
        let named = Hosts::new(vec![host("ai.example.com", &[], &[Source::ApiKey])]);
        let every = Hosts::new(vec![host("*", &[], &[Source::ApiKey])]);
        for authority in [None, Some(&b""[..]), Some(b"\xff.example.com")] {
            assert_eq!(sources(&named, authority, None), Some(&[][..]));
            assert_eq!(sources(&every, authority, None), Some(&[][..]));
        }
    }

    #[test]
    fn the_most_particular_entry_says_which_sources_count() {
        let hosts = Hosts::new(vec![
            host("*", &[], &[Source::ApiKey]),
            host("*.example.com", &[], &[Source::Jwt]),
            host("*.ai.example.com", &[], &[Source::QueryKey]),
            host("*.ai.example.com", &[8443], &[Source::Jwt, Source::Mesh]),
            host("a.ai.example.com", &[], &[Source::Mesh]),
        ]);
        for (authority, port, wanted) in [
            ("other.test", 80, &[Source::ApiKey][..]),
            ("b.example.com", 80, &[Source::Jwt]),
            ("b.ai.example.com", 80, &[Source::QueryKey]),
            ("b.ai.example.com", 8443, &[Source::Jwt, Source::Mesh]),
            ("a.ai.example.com", 8443, &[Source::Mesh]),
        ] {
            let found = sources(&hosts, Some(authority.as_bytes()), Some(port));
            assert_eq!(found, Some(wanted), "{authority}:{port}");
        }
    }

    #[test]
    fn on_another_port_than_the_listed_ones_a_host_is_governed_and_nothing_counts() {
        let hosts = Hosts::new(vec![host("ai.example.com", &[8443], &[Source::ApiKey])]);
        let on = |port| sources(&hosts, Some(b"ai.example.com"), port);
        assert_eq!(on(Some(8443)), Some(&[Source::ApiKey][..]));
        assert_eq!(on(Some(8080)), Some(&[][..]));
        assert_eq!(on(None), Some(&[][..]));
        assert_eq!(sources(&hosts, Some(b"shop.example.com"), None), None);
    }

    #[test]
    fn what_is_no_host_by_the_standards_is_governed_and_never_one_of_ours() {
        let hosts = Hosts::new(vec![
            host("ai.example.com", &[], &[Source::ApiKey]),
            host("*.example.com", &[], &[Source::ApiKey]),
        ]);
        for authority in [
            "ai.example.com:x",
            "ai.example.com:80:80",
            "ai.example.com:0x50",
            "ai.example.com:+80",
            "ai.example.com: 80",
            "ai.example.com..",
            ".ai.example.com",
            "ai..example.com",
            "ai.example.com.:x",
            "u@ai.example.com",
            "u:p@ai.example.com",
            "ai%2eexample.com",
            "ai.example.com,x",
            "ai.example.com/",
            "ai.example.com ",
            "ai.example.com\0",
            "[ai.example.com]",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "::1",
            "café.example.com",
            ".",
            ":80",
        ] {
            let found = sources(&hosts, Some(authority.as_bytes()), None);
            assert_eq!(found, Some(&[][..]), "{authority}");
        }
        for authority in [
            "shop.test",
            "shop.test:",
            "a_b.test.:8080",
            "[::1]",
            "[::1]:80",
            "10.0.0.1:80",
        ] {
            assert!(!contain(&hosts, Some(authority.as_bytes())), "{authority}");
        }
    }

    #[test]
    fn a_host_that_is_named_for_other_ports_does_not_fall_back_to_a_wider_entry() {
        let hosts = Hosts::new(vec![
            host("*", &[], &[Source::ApiKey]),
            host("*.example.com", &[], &[Source::Jwt]),
            host("ai.example.com", &[8443], &[Source::Mesh]),
            host("ai.example.com", &[9443], &[Source::QueryKey]),
        ]);
        let on = |port| sources(&hosts, Some(b"ai.example.com"), port);
        assert_eq!(on(Some(8443)), Some(&[Source::Mesh][..]));
        assert_eq!(on(Some(9443)), Some(&[Source::QueryKey][..]));
        assert_eq!(on(Some(8080)), Some(&[][..]));
        assert_eq!(on(None), Some(&[][..]));
        let beside = sources(&hosts, Some(b"b.example.com"), Some(8080));
        assert_eq!(beside, Some(&[Source::Jwt][..]));
    }

    #[test]
    fn the_port_is_asked_for_only_where_an_entry_names_one() {
        let hosts = Hosts::new(vec![host("*", &[], &[])]);
        let asked = std::cell::Cell::new(false);
        let _ = hosts.sources(Some(b"a"), || {
            asked.set(true);
            None
        });
        assert!(!asked.get());
    }

    #[test]
    fn what_is_no_host_is_no_pattern() {
        for text in [
            "",
            "*x",
            "*.",
            "a:80",
            "a b",
            "https://a",
            "*.*.a",
            "ai.example.com.",
            "*.example.com.",
            ".ai.example.com",
            "*..example.com",
            "ai..example.com",
            ".",
        ] {
            assert_eq!(HostPattern::new(text), None, "{text}");
        }
    }
}
