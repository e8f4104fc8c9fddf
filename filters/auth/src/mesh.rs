//! The mesh's own identities (SPIFFE ID, section 2; Istio's form of it).

use std::rc::Rc;

use facts::{Identity, User};
use hashbrown::HashMap;
use http_filter::{ConnectionProperty, Headers, Host};

use crate::verdict::{Class, Fault, Finding, Good, Kind};

/// Which workloads of the mesh call for which tenant.
pub(crate) struct Mesh {
    pub(crate) from: From,
    pub(crate) trust_domains: Vec<String>,
    /// By `NAMESPACE/sa/SERVICE ACCOUNT`, as it stands in an ID.
    pub(crate) service_accounts: HashMap<String, Rc<Identity>>,
    /// By namespace; the identities still lack their user.
    pub(crate) namespaces: HashMap<String, Identity>,
}

/// Who says which workload it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The proxy, which verified the certificate of this connection.
    Connection,
    /// The header `x-forwarded-client-cert`. Only safe where the listener sets it itself, in
    /// place of whatever a client sends: anyone can write a header.
    ForwardedClientCert,
}

const FORWARDED: &str = "x-forwarded-client-cert";

impl Mesh {
    /// What the workload's certificate says; `None` where there is none.
    pub(crate) fn finding(&self, headers: &dyn Headers, host: &dyn Host) -> Option<Finding> {
        let id = match self.from {
            From::Connection => host.connection(ConnectionProperty::PeerUri)?,
            From::ForwardedClientCert => match forwarded_uri(&headers.get(FORWARDED)?) {
                Some(uri) => uri.to_vec(),
                None => return Some(foreign("peer_malformed")),
            },
        };
        Some(self.judge(&id))
    }

    fn judge(&self, id: &[u8]) -> Finding {
        let Some(workload) = Workload::parse(id) else {
            return foreign("peer_malformed");
        };
        if !self
            .trust_domains
            .iter()
            .any(|domain| domain == workload.trust_domain)
        {
            return foreign("trust_domain_unknown");
        }
        match self.identity(&workload) {
            Some(identity) => Finding::Good(Good {
                kind: Kind::Mesh,
                identity,
            }),
            None => foreign("peer_unknown"),
        }
    }

    fn identity(&self, workload: &Workload<'_>) -> Option<Rc<Identity>> {
        if let Some(identity) = self.service_accounts.get(workload.account_path) {
            return Some(Rc::clone(identity));
        }
        let identity = self.namespaces.get(workload.namespace)?;
        Some(Rc::new(Identity {
            user: User::new(&workload.user()),
            ..identity.clone()
        }))
    }
}

fn foreign(reason: &'static str) -> Finding {
    Finding::Foreign(Fault::new(Kind::Mesh, Class::Unauthenticated, reason))
}

/// A workload as `spiffe://TRUST DOMAIN/ns/NAMESPACE/sa/SERVICE ACCOUNT` names it.
#[derive(Debug, PartialEq, Eq)]
struct Workload<'a> {
    trust_domain: &'a str,
    namespace: &'a str,
    account: &'a str,
    /// `NAMESPACE/sa/SERVICE ACCOUNT`.
    account_path: &'a str,
}

impl<'a> Workload<'a> {
    /// Reads an ID that has exactly this form, in exactly one spelling.
    fn parse(id: &'a [u8]) -> Option<Self> {
        let id = std::str::from_utf8(id).ok()?;
        let (trust_domain, path) = id.strip_prefix("spiffe://")?.split_once('/')?;
        let account_path = path.strip_prefix("ns/")?;
        let (namespace, account) = account_path.split_once("/sa/")?;
        let right = is_trust_domain(trust_domain) && is_namespace(namespace) && is_account(account);
        right.then_some(Self {
            trust_domain,
            namespace,
            account,
            account_path,
        })
    }

    fn user(&self) -> String {
        format!("{}/{}", self.namespace, self.account)
    }
}

/// SPIFFE ID, section 2.1.
pub(crate) fn is_trust_domain(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(plain)
}

/// A label of RFC 1123, which Kubernetes wants for namespaces.
pub(crate) fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && is_label(text)
}

/// Labels with dots between, which Kubernetes wants for service accounts.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(plain)
}

/// The URI of a forwarded certificate (Envoy's form: elements with `,` between, each of pairs
/// `Key=value` with `;` between, values quoted where need be).
///
/// Where the listener sets the header itself, it has one element with one URI; everything else was
/// written by somebody else, too, and is nobody's.
fn forwarded_uri(header: &[u8]) -> Option<&[u8]> {
    let mut quotes = Quotes::default();
    let several = header
        .iter()
        .any(|byte| quotes.leave_out(*byte) && *byte == b',');
    if several || quotes.inside {
        return None;
    }
    let mut quotes = Quotes::default();
    let pairs = header.split(|byte| quotes.leave_out(*byte) && *byte == b';');
    let mut uris = pairs.filter_map(|pair| {
        let (name, uri) = pair.split_at_checked(b"URI=".len())?;
        name.eq_ignore_ascii_case(b"URI=").then_some(uri)
    });
    let uri = uris.next()?;
    uris.next().is_none().then_some(uri)
}

/// What of a header stands within quotes. There a backslash takes the next byte's meaning away.
#[derive(Default)]
struct Quotes {
    inside: bool,
    escaped: bool,
}

impl Quotes {
    /// Takes the next byte; whether it stands outside.
    fn leave_out(&mut self, byte: u8) -> bool {
        if std::mem::take(&mut self.escaped) {
            return false;
        }
        match byte {
            b'"' => self.inside = !self.inside,
            b'\\' if self.inside => self.escaped = true,
            _ => {}
        }
        !self.inside
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Workload, forwarded_uri};

    #[test]
    fn a_workload_is_read_from_its_id() {
        let workload = Workload::parse(b"spiffe://cluster.local/ns/team-a/sa/bot.v2").unwrap();
        assert_eq!(workload.trust_domain, "cluster.local");
        assert_eq!(workload.namespace, "team-a");
        assert_eq!(workload.account, "bot.v2");
        assert_eq!(workload.account_path, "team-a/sa/bot.v2");
    }

    #[test]
    fn another_form_or_spelling_is_no_workload() {
        let long = format!("spiffe://cluster.local/ns/{}/sa/b", "a".repeat(64));
        for id in [
            "",
            "spiffe://cluster.local",
            "spiffe://cluster.local/ns/team-a",
            "spiffe://cluster.local/ns/team-a/sa/",
            "spiffe://cluster.local/ns//sa/bot",
            "spiffe:///ns/team-a/sa/bot",
            "SPIFFE://cluster.local/ns/team-a/sa/bot",
            "spiffe://Cluster.local/ns/team-a/sa/bot",
            "spiffe://cluster.local:80/ns/team-a/sa/bot",
            "spiffe://cluster.local/ns/team-a/sa/bot/",
            "spiffe://cluster.local/ns/team-a/sa/bot/x",
            "spiffe://cluster.local/ns/team-a/sa/x/sa/bot",
            "spiffe://cluster.local/ns/a/../team-a/sa/bot",
            "spiffe://cluster.local//ns/team-a/sa/bot",
            "spiffe://cluster.local/ns/team-a/sa/bot?x",
            "spiffe://cluster.local/ns/team-a/sa/bot#x",
            "spiffe://cluster.local/ns/team%2da/sa/bot",
            "spiffe://cluster.local/ns/-team/sa/bot",
            "spiffe://cluster.local/ns/team/sa/bot.",
            "spiffe://cluster.local/ns/team/sa/bot,spiffe://cluster.local/ns/b/sa/c",
            "https://cluster.local/ns/team-a/sa/bot",
            &long,
        ] {
            assert_eq!(Workload::parse(id.as_bytes()), None, "{id}");
        }
    }

    #[test]
    fn the_uri_of_a_forwarded_certificate_is_read_where_there_is_one() {
        for (header, wanted) in [
            ("URI=spiffe://a/ns/b/sa/c", Some("spiffe://a/ns/b/sa/c")),
            (
                "By=spiffe://x;Hash=12;Subject=\"CN=a,OU=b;URI=spiffe://no\";URI=spiffe://yes",
                Some("spiffe://yes"),
            ),
            (r#"Subject="a\";URI=spiffe://no;\"b";Hash=1"#, None),
            (
                r#"Subject="a\";URI=spiffe://no;\\";URI=spiffe://yes"#,
                Some("spiffe://yes"),
            ),
            ("Hash=12", None),
            ("URI=spiffe://a;URI=spiffe://b", None),
            ("URI=spiffe://a,URI=spiffe://b", None),
            ("Hash=1;URI=spiffe://a,Hash=2", None),
            ("Subject=\"open;URI=spiffe://a", None),
            ("", None),
        ] {
            let found = forwarded_uri(header.as_bytes());
            assert_eq!(found, wanted.map(str::as_bytes), "{header}");
        }
    }
}
