//! Where an issuer's tokens say what.

use std::collections::BTreeMap;

use http_filter::ConfigError;
use jwt::ClaimPath;

use super::{tenants, written};
use crate::claims::{Claims, TenantClaim, UserClaim};
use crate::tenants::Tenants;

/// What an issuer says of its tenants beside the claims.
pub(super) struct WrittenTenants {
    pub(super) by_value: Option<BTreeMap<String, String>>,
    pub(super) always: Option<String>,
}

pub(super) fn read(
    written: written::Claims,
    of_tenants: WrittenTenants,
    tenants: &Tenants,
    field: &str,
) -> Result<Claims, ConfigError> {
    let written::Claims {
        tenant,
        plan,
        user,
        models,
    } = written;
    let path = |name: &str, path: Option<String>| {
        path.map(|path| read_path(&path, &format!("{field}.claims.{name}")))
            .transpose()
    };
    let plan = path("plan", plan)?;
    if plan.is_some() && tenants.plans.is_empty() {
        let reason = "a token may only name a plan that stands under `plans`, and there is none";
        return Err(ConfigError::new(format!("{field}.claims.plan"), reason));
    }
    Ok(Claims {
        tenant: read_tenant(path("tenant", tenant)?, of_tenants, tenants, field)?,
        plan,
        models: path("models", models)?,
        user: path("user", user)?.map_or(UserClaim::Subject, UserClaim::At),
    })
}

fn read_tenant(
    path: Option<ClaimPath>,
    written: WrittenTenants,
    tenants: &Tenants,
    field: &str,
) -> Result<TenantClaim, ConfigError> {
    let WrittenTenants { by_value, always } = written;
    match (path, by_value, always) {
        (None, None, Some(tenant)) => {
            tenants::find(tenants, &tenant, &format!("{field}.tenant"))?;
            Ok(TenantClaim::Always(tenant))
        }
        (Some(path), None, None) => Ok(TenantClaim::Named(path)),
        (Some(path), Some(by_value), None) => {
            for (value, tenant) in &by_value {
                tenants::find(tenants, tenant, &format!("{field}.tenants.{value}"))?;
            }
            Ok(TenantClaim::Mapped(path, by_value.into_iter().collect()))
        }
        (Some(_), _, Some(_)) => {
            let reason = "is for all tokens, and `claims.tenant` for each: only one can say";
            Err(ConfigError::new(format!("{field}.tenant"), reason))
        }
        (None, Some(_), _) => {
            let reason = "maps the values of `claims.tenant`, which is missing";
            Err(ConfigError::new(format!("{field}.tenants"), reason))
        }
        (None, None, None) => {
            let reason = "whose the tokens are is missing: `claims.tenant` or `tenant`";
            Err(ConfigError::new(format!("{field}.tenant"), reason))
        }
    }
}

fn read_path(path: &str, field: &str) -> Result<ClaimPath, ConfigError> {
    ClaimPath::parse(path).map_err(|error| ConfigError::new(field, error.reason()))
}
