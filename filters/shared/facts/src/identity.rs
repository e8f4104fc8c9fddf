//! Who calls.

use http_filter::Host;

use crate::{AllowedModels, Name, User, key};

/// Who calls, as `auth` verified it: the one value that everything behind `auth` trusts.
///
/// A filter that needs less than all of it reads less ([`Account::of`], [`tenant`],
/// [`AllowedModels::of`]): each fact costs a call of the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose budget it is.
    pub tenant: Name,
    /// Its plan: the tenant's, unless the credential names another.
    pub plan: Name,
    /// The label of the credential that was used: a key's name, a token's issuer, `mesh`.
    pub key: Name,
    /// Who of the tenant's people or workloads, where the credential says so. A key doesn't.
    pub user: Option<User>,
    /// The models that the caller may use.
    pub models: AllowedModels,
}

impl Identity {
    /// Publishes the identity; for `auth` only.
    pub fn publish(&self, host: &mut dyn Host) {
        host.publish(key::TENANT, self.tenant.as_str().as_bytes());
        host.publish(key::PLAN, self.plan.as_str().as_bytes());
        host.publish(key::KEY, self.key.as_str().as_bytes());
        if let Some(user) = &self.user {
            host.publish(key::USER, user.as_str().as_bytes());
        }
        self.models.publish(host);
    }

    /// Reads the identity that `auth` published; `None` where there is none.
    #[must_use]
    pub fn of(host: &dyn Host) -> Option<Self> {
        Some(Self {
            tenant: tenant(host)?,
            plan: name(host, key::PLAN)?,
            key: name(host, key::KEY)?,
            user: user(host),
            models: AllowedModels::of(host)?,
        })
    }
}

/// Whose budget a call counts against, and by which plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose budget it is.
    pub tenant: Name,
    /// Its plan: the tenant's, unless the credential names another.
    pub plan: Name,
}

impl Account {
    /// Reads what `auth` published of the identity; `None` where there is none.
    #[must_use]
    pub fn of(host: &dyn Host) -> Option<Self> {
        Some(Self {
            tenant: tenant(host)?,
            plan: name(host, key::PLAN)?,
        })
    }
}

/// The tenant that `auth` published; `None` where there is none.
#[must_use]
pub fn tenant(host: &dyn Host) -> Option<Name> {
    name(host, key::TENANT)
}

fn name(host: &dyn Host, key: &str) -> Option<Name> {
    let value = host.fact(key)?;
    Name::new(std::str::from_utf8(&value).ok()?).ok()
}

fn user(host: &dyn Host) -> Option<User> {
    let value = host.fact(key::USER)?;
    User::new(std::str::from_utf8(&value).ok()?)
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use test_host::TestHost;

    use super::{Account, Identity, tenant};
    use crate::{ModelPatterns, Name, User};

    #[test]
    fn what_was_published_is_read_again() {
        for user in [None, User::new("ann@example.com")] {
            let identity = Identity {
                tenant: Name::new("team-a").unwrap(),
                plan: Name::new("standard").unwrap(),
                key: Name::new("team-a-ci").unwrap(),
                user,
                models: ModelPatterns::new(vec!["gpt-*".to_owned()]).into(),
            };
            let mut host = TestHost::new();
            assert_eq!(Identity::of(&host), None);
            assert_eq!((Account::of(&host), tenant(&host)), (None, None));
            identity.publish(&mut host);
            let account = Account {
                tenant: identity.tenant.clone(),
                plan: identity.plan.clone(),
            };
            assert_eq!(tenant(&host), Some(identity.tenant.clone()));
            assert_eq!(Account::of(&host), Some(account));
            assert_eq!(Identity::of(&host), Some(identity));
        }
    }
}
