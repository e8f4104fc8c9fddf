//! From the claims of a proven token to somebody who calls.

use facts::{Identity, ModelPatterns, Name, User};
use hashbrown::HashMap;
use jwt::{Claim, ClaimPath, Verified};

use crate::tenants::{Tenant, Tenants, Terms};

/// Where an issuer's tokens say what, by the configuration.
pub(crate) struct Claims {
    pub(crate) tenant: TenantClaim,
    pub(crate) plan: Option<ClaimPath>,
    pub(crate) models: Option<ClaimPath>,
    pub(crate) user: UserClaim,
}

/// How a token's tenant is found.
pub(crate) enum TenantClaim {
    /// All tokens are this tenant's.
    Always(String),
    /// A claim names the tenant.
    Named(ClaimPath),
    /// Values of a claim stand for tenants.
    Mapped(ClaimPath, HashMap<String, String>),
}

/// Where the user stands.
pub(crate) enum UserClaim {
    /// Wherever tokens say it by custom, if they do.
    Subject,
    /// In a claim that must be there.
    At(ClaimPath),
}

/// Why a proven token gives no access: the reason in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoAccess(pub(crate) &'static str);

impl Claims {
    /// Who calls with this token. Nothing that a token says becomes a tenant or a plan that the
    /// configuration doesn't have.
    pub(crate) fn identity(
        &self,
        token: &Verified,
        label: &Name,
        tenants: &Tenants,
    ) -> Result<Identity, NoAccess> {
        let tenant = self.tenant(token, tenants)?;
        let terms = Terms {
            label: label.clone(),
            plan: self.plan(token, tenants)?,
            models: self.models(token)?,
            user: self.user(token)?,
        };
        Ok(tenants.identity(tenant, terms))
    }

    fn tenant<'t>(&self, token: &Verified, tenants: &'t Tenants) -> Result<&'t Tenant, NoAccess> {
        let unknown = NoAccess("tenant_unknown");
        match &self.tenant {
            TenantClaim::Always(name) => tenants.get(name).ok_or(unknown),
            TenantClaim::Named(path) => {
                let found = the_one(token.claim(path), |value| tenants.get(value));
                found.map_err(OneError::of_tenant)
            }
            TenantClaim::Mapped(path, by_value) => {
                let by_value = |value: &str| tenants.get(by_value.get(value)?);
                let found = the_one(token.claim(path), by_value);
                found.map_err(OneError::of_tenant)
            }
        }
    }

    fn plan(&self, token: &Verified, tenants: &Tenants) -> Result<Option<Name>, NoAccess> {
        let Some(path) = &self.plan else {
            return Ok(None);
        };
        let claim = token.claim(path);
        let in_list = matches!(claim, Claim::Texts(_));
        match the_one(claim, |value| tenants.plan(value)) {
            Ok(plan) => Ok(Some(plan.name.clone())),
            Err(OneError::Absent) => Ok(None),
            // Roles of other kinds stand in such lists, too.
            Err(OneError::Unknown) if in_list => Ok(None),
            Err(OneError::Unknown | OneError::Malformed) => Err(NoAccess("plan_unknown")),
            Err(OneError::Several) => Err(NoAccess("plan_ambiguous")),
        }
    }

    /// A token without the claim allows no model: some issuers leave out a list that is empty.
    fn models(&self, token: &Verified) -> Result<Option<ModelPatterns>, NoAccess> {
        let Some(path) = &self.models else {
            return Ok(None);
        };
        let patterns = match token.claim(path) {
            Claim::Absent => Vec::new(),
            Claim::Text(pattern) => vec![pattern.to_owned()],
            Claim::Texts(patterns) => patterns.into_iter().map(str::to_owned).collect(),
            Claim::Other => return Err(NoAccess("models_malformed")),
        };
        Ok(Some(ModelPatterns::new(patterns)))
    }

    fn user(&self, token: &Verified) -> Result<Option<User>, NoAccess> {
        match &self.user {
            UserClaim::Subject => Ok(token.subject().and_then(User::new)),
            UserClaim::At(path) => match token.claim(path) {
                Claim::Text(user) => User::new(user).map(Some).ok_or(NoAccess("user_malformed")),
                Claim::Absent => Err(NoAccess("user_missing")),
                Claim::Texts(_) | Claim::Other => Err(NoAccess("user_malformed")),
            },
        }
    }
}

/// Why a claim doesn't name one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OneError {
    Absent,
    Malformed,
    Unknown,
    Several,
}

impl OneError {
    fn of_tenant(self) -> NoAccess {
        NoAccess(match self {
            Self::Absent => "tenant_missing",
            Self::Malformed => "tenant_malformed",
            Self::Unknown => "tenant_unknown",
            Self::Several => "tenant_ambiguous",
        })
    }
}

/// The one known thing that a claim names; values of a list that name nothing known don't count.
fn the_one<'t, T>(
    claim: Claim<'_>,
    known: impl Fn(&str) -> Option<&'t T>,
) -> Result<&'t T, OneError> {
    let values = match claim {
        Claim::Absent => return Err(OneError::Absent),
        Claim::Other => return Err(OneError::Malformed),
        Claim::Text(value) => vec![value],
        Claim::Texts(values) => values,
    };
    let mut found = values.into_iter().filter_map(known);
    let first = found.next().ok_or(OneError::Unknown)?;
    if found.all(|other| std::ptr::eq(first, other)) {
        Ok(first)
    } else {
        Err(OneError::Several)
    }
}
