//! Judges tokens: what costs little comes first, and what was found once is remembered.

use std::rc::Rc;

use facts::Identity;
use http_filter::{ConnectionProperty, Host, SignatureCheck, Time};
use jwt::{Algorithm, Algorithms, BadSignature, Malformed, Token, Verified};

use crate::issuer::{Issuer, Issuers};
use crate::signature_budget::{Address, Cost, Limits, SignatureBudget};
use crate::tenants::Tenants;
use crate::verdict::{Class, Fault, Finding, Good, Kind, Waits};
use crate::verdicts::{Kept, KeysSeen, TokenDigest, Verdicts};

/// What one worker remembers of tokens.
pub(crate) struct Tokens {
    verdicts: Option<Verdicts>,
    most_verdicts: usize,
    budget: SignatureBudget,
    /// Those of whose checks the proxy has made none: this filter makes them.
    by_filter: Algorithms,
}

/// How long a forged token is remembered, in seconds.
const FORGED_SECONDS: u64 = 60;

/// What Envoy's `verify_signature` doesn't know.
const NEVER_BY_PROXY: [Algorithm; 5] = [
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::EdDsa,
    Algorithm::Hs256,
];

impl Tokens {
    pub(crate) fn new(most_verdicts: usize, limits: Limits) -> Self {
        Self {
            verdicts: None,
            most_verdicts,
            budget: SignatureBudget::new(limits),
            by_filter: NEVER_BY_PROXY.into_iter().collect(),
        }
    }

    /// What a token says of its bearer.
    pub(crate) fn judge(
        &mut self,
        token: &[u8],
        issuers: &Issuers,
        tenants: &Tenants,
        now: Time,
        host: &mut dyn Host,
    ) -> Finding {
        let most = self.most_verdicts;
        let verdicts = self
            .verdicts
            .get_or_insert_with(|| Verdicts::new(most, (host.random(), host.random())));
        let digest = verdicts.digest(token);
        let current = |place| issuers.at(place)?.keys_seen(place, now);
        if let Some(kept) = verdicts.get(&digest, now.seconds(), current) {
            let verdict = kept.verdict.clone();
            let issuer = issuers.at(kept.keys.issuer);
            return match (verdict, issuer) {
                (Err(fault), Some(issuer)) if kept.wants_newer_keys => {
                    issuer.without_keys(fault, now)
                }
                (verdict, issuer) => {
                    finding(verdict, issuer.is_some_and(|issuer| issuer.is_watched))
                }
            };
        }
        self.judge_anew(token, digest, issuers, tenants, now, host)
    }

    /// What a token says that nothing is remembered of. Never inlined: it is most of the filter's
    /// code, and what few requests need mustn't lie between what all of them run.
    #[inline(never)]
    fn judge_anew(
        &mut self,
        token: &[u8],
        digest: TokenDigest,
        issuers: &Issuers,
        tenants: &Tenants,
        now: Time,
        host: &mut dyn Host,
    ) -> Finding {
        let token = match Token::parse(token) {
            Ok(token) => token,
            Err(malformed) => return malformed_finding(token, malformed, issuers),
        };
        let Some((place, issuer)) = token.issuer().and_then(|iss| issuers.of(iss)) else {
            return foreign("issuer_unknown");
        };
        let mut judged = Judged {
            tokens: self,
            digest,
            issuer,
            place,
        };
        match judged.verify(token, tenants, now, host) {
            Ok(verdict) => finding(verdict, issuer.is_watched),
            Err(KeysMissing(fault)) => issuer.without_keys(fault, now),
        }
    }
}

impl Tokens {
    /// What so many checks may cost.
    fn cost(&self, algorithm: Algorithm, checks: usize) -> Cost {
        if self.by_filter.contains(algorithm) {
            Cost::by_filter(algorithm, checks)
        } else {
            Cost::by_proxy(checks)
        }
    }

    /// The client's address, where addresses are counted.
    fn address(&self, host: &dyn Host) -> Option<Address> {
        let asks = self.budget.asks_for_addresses();
        let text = asks.then(|| host.connection(ConnectionProperty::SourceAddress));
        Address::parse(&text.flatten()?)
    }
}

/// Newer keys could change the verdict; without them it is that.
struct KeysMissing(Fault);

fn finding(verdict: Result<Rc<Identity>, Fault>, is_watched: bool) -> Finding {
    match verdict {
        Ok(identity) => Finding::Good(Good {
            kind: Kind::Jwt,
            identity,
        }),
        Err(fault) if is_watched => Finding::Watched(fault),
        Err(fault) => Finding::Bad(fault),
    }
}

fn foreign(reason: &'static str) -> Finding {
    Finding::Foreign(Fault::new(Kind::Jwt, Class::Unauthenticated, reason))
}

/// Where an issuer is watched, its tokens that can't be read pass as its others do that aren't good,
/// and so does what could be one of them: nobody is refused by its shadow mode.
fn malformed_finding(token: &[u8], malformed: Malformed, issuers: &Issuers) -> Finding {
    let finding = foreign(malformed.reason());
    let Finding::Foreign(fault) = finding else {
        return finding;
    };
    if !issuers.all().iter().any(|issuer| issuer.is_watched) {
        return Finding::Foreign(fault);
    }
    match Token::issuer_of_malformed(token) {
        None => Finding::Watched(fault),
        Some(iss) => match issuers.of(&iss) {
            Some((_, issuer)) if issuer.is_watched => {
                Finding::Watched(fault.of_issuer(&issuer.name))
            }
            _ => Finding::Foreign(fault),
        },
    }
}

impl Issuer {
    /// The state of its keys, if it has any.
    fn keys_seen(&self, place: usize, now: Time) -> Option<KeysSeen> {
        Some(KeysSeen {
            issuer: place,
            version: self.keys.version(now)?,
        })
    }

    fn fault(&self, class: Class, reason: &'static str) -> Fault {
        Fault::new(Kind::Jwt, class, reason).of_issuer(&self.name)
    }

    /// What is said where newer keys could tell, and asks for them. Where they can't be had, since the
    /// last fetch failed, nobody can say that the token isn't good.
    fn without_keys(&self, mut fault: Fault, now: Time) -> Finding {
        let until = self.keys.want_fresh(now);
        if self.keys.last_fetch_failed() {
            fault.class = Class::NotReady;
        }
        match until {
            Some(until) if !self.is_watched => Finding::Waits(Waits { fault, until }),
            _ => finding(Err(fault), self.is_watched),
        }
    }
}

/// A token of an issuer that is known, and that nothing is remembered of.
struct Judged<'a> {
    tokens: &'a mut Tokens,
    digest: TokenDigest,
    issuer: &'a Issuer,
    place: usize,
}

impl Judged<'_> {
    fn verify(
        &mut self,
        token: Token<'_>,
        tenants: &Tenants,
        now: Time,
        host: &mut dyn Host,
    ) -> Result<Result<Rc<Identity>, Fault>, KeysMissing> {
        let issuer = self.issuer;
        let unauthenticated = |reason| issuer.fault(Class::Unauthenticated, reason);
        let missing = || KeysMissing(issuer.fault(Class::NotReady, "keys_missing"));
        let key_set = issuer.keys.at(now);
        let checks = key_set.as_ref().map_or(0, |keys| keys.checks(&token));
        let acceptable = match issuer.expectations.check(token, now.seconds()) {
            Ok(acceptable) => acceptable,
            Err(error) => return Ok(Err(unauthenticated(error.reason()))),
        };
        let key_set = key_set.ok_or_else(missing)?;
        let seen = issuer.keys_seen(self.place, now).ok_or_else(missing)?;
        let algorithm = acceptable.token().algorithm();
        let address = self.tokens.address(host);
        let cost = self.tokens.cost(algorithm, checks);
        if self.tokens.budget.take(cost, address, now).is_err() {
            return Ok(Err(issuer.fault(Class::TooMany, "signature_budget")));
        }
        let mut declined = false;
        let mut ask_host = |check: &SignatureCheck<'_>| {
            let answer = host.verify_signature(check);
            declined |= answer.is_none();
            answer
        };
        let verified = key_set.verify(acceptable, &mut ask_host);
        if declined {
            self.tokens.by_filter = self.tokens.by_filter.with(algorithm);
        }
        match verified {
            Ok(verified) => {
                let unused = checks.saturating_sub(verified.checks());
                let cost = self.tokens.cost(algorithm, unused);
                self.tokens.budget.give_back(cost, address);
                Ok(self.keep_signed(&verified, seen, tenants))
            }
            Err(bad) => {
                let fault = unauthenticated(bad.reason());
                let wants_newer_keys = bad == BadSignature::UnknownKey;
                if checks > 0 {
                    self.keep_forged(fault.clone(), seen, wants_newer_keys, now);
                }
                if wants_newer_keys {
                    return Err(KeysMissing(fault));
                }
                Ok(Err(fault))
            }
        }
    }

    fn keep_signed(
        &mut self,
        token: &Verified,
        keys: KeysSeen,
        tenants: &Tenants,
    ) -> Result<Rc<Identity>, Fault> {
        let issuer = self.issuer;
        let verdict = issuer
            .claims
            .identity(token, &issuer.label, tenants)
            .map(Rc::new)
            .map_err(|no_access| issuer.fault(Class::Forbidden, no_access.0));
        let tolerance = issuer.expectations.tolerance;
        let kept = Kept {
            keys,
            until: token.expires_at().saturating_add(tolerance),
            verdict: verdict.clone(),
            wants_newer_keys: false,
        };
        if let Some(verdicts) = &mut self.tokens.verdicts {
            verdicts.keep_signed(self.digest, kept);
        }
        verdict
    }

    fn keep_forged(&mut self, fault: Fault, keys: KeysSeen, wants_newer_keys: bool, now: Time) {
        let kept = Kept {
            keys,
            until: now.seconds().saturating_add(FORGED_SECONDS),
            verdict: Err(fault),
            wants_newer_keys,
        };
        if let Some(verdicts) = &mut self.tokens.verdicts {
            verdicts.keep_forged(self.digest, kept);
        }
    }
}
