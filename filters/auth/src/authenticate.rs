//! Asks each source that counts, in order, who calls.

use std::cell::RefCell;
use std::rc::Rc;

use http_filter::{Headers, Host, Time};

use crate::config::Config;
use crate::credential::{Credential, Place};
use crate::sources::Source;
use crate::tokens::Tokens;
use crate::verdict::{Finding, Findings, Verdict};
use crate::waiting_room::WaitingRoom;

/// What is asked, beside the request itself.
#[derive(Clone)]
pub(crate) struct Authenticator {
    pub(crate) config: Rc<Config>,
    pub(crate) tokens: Rc<RefCell<Tokens>>,
    pub(crate) waiting_room: WaitingRoom,
}

impl Authenticator {
    /// Says who calls, and removes from the headers each credential of ours that was looked at.
    /// What isn't ours stays: it may be the caller's own at a provider.
    pub(crate) fn authenticate(
        &self,
        sources: &[Source],
        headers: &mut dyn Headers,
        query_key: Option<&[u8]>,
        now: Time,
        host: &mut dyn Host,
    ) -> Verdict {
        let watches = self.config.is_watching;
        let credentials = Credential::all(headers, query_key);
        let mut ours = Vec::new();
        let mut findings = Findings::default();
        for source in sources {
            if *source == Source::Mesh {
                let mesh = self.config.mesh.as_ref();
                if let Some(finding) = mesh.and_then(|mesh| mesh.finding(headers, host)) {
                    findings.add(finding);
                }
                continue;
            }
            for credential in &credentials {
                if !counts_as(*source, credential, sources) {
                    continue;
                }
                let finding = match self.finding(*source, credential, now, host) {
                    // Where nobody waits it is no good, as it would be after waiting in vain.
                    Finding::Waits(waits) if watches => Finding::Watched(waits.fault),
                    finding => finding,
                };
                if !matches!(finding, Finding::Foreign(_) | Finding::Waits(_)) {
                    ours.push(credential);
                }
                findings.add(finding);
            }
        }
        let verdict = findings.verdict();
        // Whoever waits is asked again, with all that it brought.
        if watches || !matches!(verdict, Verdict::Waits(_)) {
            ours.iter()
                .for_each(|credential| credential.remove(headers));
        }
        verdict
    }

    fn finding(
        &self,
        source: Source,
        credential: &Credential,
        now: Time,
        host: &mut dyn Host,
    ) -> Finding {
        if source != Source::Jwt {
            return self.config.keys.finding(credential.value(), now);
        }
        let Config {
            issuers, tenants, ..
        } = &*self.config;
        let mut tokens = self.tokens.borrow_mut();
        tokens.judge(credential.value(), issuers, tenants, now, host)
    }
}

/// Whether a credential is that source's to judge. Where tokens count, what looks like one is no
/// key: a digest of it would cost more than all else.
fn counts_as(source: Source, credential: &Credential, sources: &[Source]) -> bool {
    let in_query = credential.place == Place::Query;
    let is_token = || sources.contains(&Source::Jwt) && credential.looks_like_a_token();
    match source {
        Source::ApiKey => !in_query && !is_token(),
        Source::QueryKey => in_query,
        Source::Jwt => !in_query && is_token(),
        Source::Mesh => false,
    }
}
