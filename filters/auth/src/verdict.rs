//! What each credential of a request says, and what follows from all of them.
//!
//! | credentials that count | outcome |
//! |---|---|
//! | none | refused |
//! | only such as are nobody's here | refused, for the first of them |
//! | only such as nobody can say of whose they are | waits where that may change, else refused |
//! | one of ours that isn't good | refused, whatever stands beside it |
//! | one of ours whose keys are being fetched | waits, unless another is refused |
//! | good ones of one tenant | the first source's identity |
//! | good ones that disagree | refused |
//!
//! One that is nobody's beside a good one changes nothing, nor does one of which it can't be said:
//! callers that the mesh intercepts bring their provider's key along, and that a list of keys is away
//! mustn't keep them out. An issuer in shadow mode refuses
//! nobody: where its token isn't good, the other credentials decide, and else the request passes.

use std::rc::Rc;

use facts::Identity;
use http_filter::Time;

/// What kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    None,
    ApiKey,
    Jwt,
    Mesh,
}

impl Kind {
    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiKey => "api_key",
            Self::Jwt => "jwt",
            Self::Mesh => "mesh",
        }
    }
}

/// What one credential says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is good.
    Good(Good),
    /// It is nobody's here, as far as that can be said.
    Foreign(Fault),
    /// Whether it is ours can't be said: a list in which it may stand isn't here. The time is when it
    /// is decided whether the list comes, if it may.
    Undecided(Fault, Option<Time>),
    /// It is one of ours, and no good.
    Bad(Fault),
    /// It would be [`Bad`](Self::Bad) if its issuer weren't only watched.
    Watched(Fault),
    /// It can't be judged before keys are here.
    Waits(Waits),
}

/// A credential that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Good {
    pub(crate) kind: Kind,
    pub(crate) identity: Rc<Identity>,
}

/// A credential that can't be judged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waits {
    /// Why it isn't good, should nothing come.
    pub(crate) fault: Fault,
    /// When it is decided whether something comes.
    pub(crate) until: Time,
}

/// Why a credential isn't good: facts for log, metric and answer, nothing of the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// The issuer by its name in the configuration, for tokens whose issuer is known.
    pub(crate) issuer: Option<Rc<str>>,
    /// In snake case.
    pub(crate) reason: &'static str,
    pub(crate) class: Class,
}

/// What a fault means to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It isn't known who calls.
    Unauthenticated,
    /// It is known, and may do nothing here.
    Forbidden,
    /// Too many credentials are to be verified now.
    TooMany,
    /// What is needed to verify it isn't here.
    NotReady,
}

/// What follows from all credentials of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Somebody known.
    Known(Good),
    /// Nobody known, and let through to be watched.
    Watched(Fault),
    /// To be asked again when keys have come.
    Waits(Waits),
    /// Refused.
    Refused(Fault),
}

impl Fault {
    pub(crate) fn new(kind: Kind, class: Class, reason: &'static str) -> Self {
        Self {
            kind,
            issuer: None,
            reason,
            class,
        }
    }

    /// The issuer's name; empty where there is none, or none known.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_deref().unwrap_or_default()
    }

    pub(crate) fn of_issuer(self, issuer: &Rc<str>) -> Self {
        Self {
            issuer: Some(Rc::clone(issuer)),
            ..self
        }
    }
}

/// Takes findings in the order of the sources.
#[derive(Default)]
pub(crate) struct Findings {
    good: Option<Good>,
    bad: Option<Fault>,
    waits: Option<Waits>,
    watched: Option<Fault>,
    undecided: Option<(Fault, Option<Time>)>,
    foreign: Option<Fault>,
}

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Good(good) => self.add_good(good),
            Finding::Bad(fault) => keep_first(&mut self.bad, fault),
            Finding::Waits(waits) => self.add_waits(waits),
            Finding::Watched(fault) => keep_first(&mut self.watched, fault),
            Finding::Undecided(fault, until) => self.add_undecided(fault, until),
            Finding::Foreign(fault) => keep_first(&mut self.foreign, fault),
        }
    }

    fn add_good(&mut self, good: Good) {
        match &self.good {
            None => self.good = Some(good),
            Some(first) if first.agrees_with(&good) => {}
            Some(_) => {
                let fault = Fault::new(good.kind, Class::Unauthenticated, "credentials_disagree");
                keep_first(&mut self.bad, fault);
            }
        }
    }

    fn add_waits(&mut self, waits: Waits) {
        let until = waits.until;
        let first = self.waits.get_or_insert(waits);
        first.until = first.until.max(until);
    }

    fn add_undecided(&mut self, fault: Fault, until: Option<Time>) {
        let (_, latest) = self.undecided.get_or_insert((fault, until));
        *latest = (*latest).max(until);
    }

    pub(crate) fn verdict(self) -> Verdict {
        let Self {
            good,
            bad,
            waits,
            watched,
            undecided,
            foreign,
        } = self;
        if let Some(fault) = bad {
            return Verdict::Refused(fault);
        }
        if let Some(waits) = waits {
            return Verdict::Waits(waits);
        }
        if let Some(good) = good {
            return Verdict::Known(good);
        }
        let undecided = match undecided {
            Some((fault, Some(until))) => return Verdict::Waits(Waits { fault, until }),
            Some((fault, None)) => Some(fault),
            None => None,
        };
        if let Some(fault) = watched {
            return Verdict::Watched(fault);
        }
        let none = || Fault::new(Kind::None, Class::Unauthenticated, "no_credential");
        Verdict::Refused(undecided.or(foreign).unwrap_or_else(none))
    }
}

fn keep_first(place: &mut Option<Fault>, fault: Fault) {
    place.get_or_insert(fault);
}

impl Good {
    /// The issuer by its name in the configuration, which is the label of its tokens.
    pub(crate) fn issuer(&self) -> &str {
        match self.kind {
            Kind::Jwt => self.identity.key.as_str(),
            _ => "",
        }
    }

    /// Two of one kind are the same in all that matters; two kinds are of one tenant.
    fn agrees_with(&self, other: &Self) -> bool {
        if self.kind == other.kind {
            return self.identity == other.identity;
        }
        self.identity.tenant == other.identity.tenant
    }
}
