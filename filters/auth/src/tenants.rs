//! Whom credentials can be for: the tenants and plans of the configuration.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use facts::{AllowedModels, Identity, ModelPatterns, Name, User};

/// The tenants, and the plans that have an allowlist of their own.
#[derive(Default)]
pub(crate) struct Tenants {
    pub(crate) tenants: BTreeMap<String, Tenant>,
    pub(crate) plans: BTreeMap<String, Plan>,
    /// What a tenant and, where it has a list, a plan allow: one copy for all callers of both, of whom
    /// there may be tens of thousands.
    allowed: RefCell<HashMap<(Name, Option<Name>), AllowedModels>>,
}

/// A tenant.
pub(crate) struct Tenant {
    pub(crate) name: Name,
    /// Unless the credential names another.
    pub(crate) plan: Name,
    pub(crate) models: ModelPatterns,
}

/// A plan, as far as it matters here; its limits are `token-counter`'s.
pub(crate) struct Plan {
    pub(crate) name: Name,
    pub(crate) models: Option<ModelPatterns>,
}

/// What a credential says beside its tenant.
pub(crate) struct Terms {
    /// The label for the logs.
    pub(crate) label: Name,
    /// In place of the tenant's plan.
    pub(crate) plan: Option<Name>,
    /// What it narrows the models to.
    pub(crate) models: Option<ModelPatterns>,
    pub(crate) user: Option<User>,
}

impl Tenants {
    /// The tenant of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Tenant> {
        self.tenants.get(name)
    }

    /// The plan of that name, if it stands under `plans`.
    pub(crate) fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.get(name)
    }

    /// Who calls with a credential of that tenant: it may use the models that tenant, plan and
    /// credential all allow.
    pub(crate) fn identity(&self, tenant: &Tenant, terms: Terms) -> Identity {
        let Terms {
            label,
            plan,
            models,
            user,
        } = terms;
        let plan = plan.unwrap_or_else(|| tenant.plan.clone());
        let models = match models {
            None => self.shared_by_all(tenant, &plan),
            narrower => self.allowed(tenant, &plan, narrower),
        };
        Identity {
            tenant: tenant.name.clone(),
            plan,
            key: label,
            user,
            models,
        }
    }

    fn shared_by_all(&self, tenant: &Tenant, plan: &Name) -> AllowedModels {
        let plan_with_list = self
            .plan(plan.as_str())
            .filter(|plan| plan.models.is_some());
        let both = (
            tenant.name.clone(),
            plan_with_list.map(|plan| plan.name.clone()),
        );
        let mut allowed = self.allowed.borrow_mut();
        let models = allowed.entry(both);
        models
            .or_insert_with(|| self.allowed(tenant, plan, None))
            .clone()
    }

    fn allowed(
        &self,
        tenant: &Tenant,
        plan: &Name,
        of_credential: Option<ModelPatterns>,
    ) -> AllowedModels {
        let of_plan = self
            .plan(plan.as_str())
            .and_then(|plan| plan.models.clone());
        let lists = [Some(tenant.models.clone()), of_plan, of_credential];
        AllowedModels::by_all(lists.into_iter().flatten().collect())
    }
}
