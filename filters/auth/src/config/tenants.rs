//! Tenants and plans, and the identities that the configuration gives to callers.

use std::collections::BTreeMap;

use facts::{Identity, ModelPatterns, Name, User};
use http_filter::ConfigError;

use super::written;
use crate::tenants::{Plan, Tenant, Tenants, Terms};

pub(super) fn read(
    tenants: BTreeMap<String, written::Tenant>,
    plans: BTreeMap<String, written::Plan>,
) -> Result<Tenants, ConfigError> {
    let mut read = Tenants::default();
    for (name, written::Tenant { plan, models }) in tenants {
        let field = format!("tenants.{name}");
        let tenant = Tenant {
            name: read_name(&name, &field)?,
            plan: read_name(&plan, &format!("{field}.plan"))?,
            models: ModelPatterns::new(models),
        };
        read.tenants.insert(name, tenant);
    }
    for (name, written::Plan { models }) in plans {
        let plan = Plan {
            name: read_name(&name, &format!("plans.{name}"))?,
            models: models.map(ModelPatterns::new),
        };
        read.plans.insert(name, plan);
    }
    Ok(read)
}

/// Who calls, for a caller that the configuration names at `field`.
pub(super) fn identity(
    tenants: &Tenants,
    caller: written::Caller,
    label: Name,
    user: Option<User>,
    field: &str,
) -> Result<Identity, ConfigError> {
    let written::Caller {
        tenant,
        plan,
        models,
    } = caller;
    let tenant = find(tenants, &tenant, &format!("{field}.tenant"))?;
    let plan = plan.map(|plan| read_name(&plan, &format!("{field}.plan")));
    let terms = Terms {
        label,
        plan: plan.transpose()?,
        models: models.map(ModelPatterns::new),
        user,
    };
    Ok(tenants.identity(tenant, terms))
}

pub(super) fn find<'t>(
    tenants: &'t Tenants,
    name: &str,
    field: &str,
) -> Result<&'t Tenant, ConfigError> {
    tenants.get(name).ok_or_else(|| {
        let reason = format!("there is no tenant `{name}` under `tenants`");
        ConfigError::new(field, reason)
    })
}

/// The labels of callers who have no entry of their own: no entry may pass for them in the logs.
pub(super) const MESH: &str = "mesh";
pub(super) const SHADOW: &str = "shadow";

/// The name of an entry, as the label of its callers.
pub(super) fn read_label(text: &str, field: &str) -> Result<Name, ConfigError> {
    if [MESH, SHADOW].contains(&text) {
        let reason = "the logs have this name for callers without an entry; please take another";
        return Err(ConfigError::new(field, reason));
    }
    read_name(text, field)
}

pub(super) fn read_name(text: &str, field: &str) -> Result<Name, ConfigError> {
    Name::new(text).map_err(|error| ConfigError::new(field, error.to_string()))
}
