//! Workloads of the mesh, by service account and by namespace. Where none is named none is let in: a gateway may open its
//! port to the mesh before it has its first tenant.

use std::collections::BTreeMap;
use std::rc::Rc;

use facts::{Identity, Name, User};
use hashbrown::HashMap;
use http_filter::ConfigError;

use super::{tenants, written};
use crate::mesh::{From, Mesh, is_account, is_namespace, is_trust_domain};
use crate::tenants::Tenants;

pub(super) fn read(written: written::Mesh, tenants: &Tenants) -> Result<Mesh, ConfigError> {
    let written::Mesh {
        from,
        trust_domains,
        service_accounts,
        namespaces,
    } = written;
    if trust_domains.is_empty() || !trust_domains.iter().all(|name| is_trust_domain(name)) {
        let reason = "lists the mesh's trust domains, such as `cluster.local`, at least one";
        return Err(ConfigError::new("mesh.trustDomains", reason));
    }
    Ok(Mesh {
        from: match from {
            written::MeshFrom::Connection => From::Connection,
            written::MeshFrom::ForwardedClientCert => From::ForwardedClientCert,
        },
        trust_domains,
        service_accounts: read_service_accounts(service_accounts, tenants)?,
        namespaces: read_namespaces(namespaces, tenants)?,
    })
}

fn read_service_accounts(
    written: BTreeMap<String, written::Caller>,
    tenants: &Tenants,
) -> Result<HashMap<String, Rc<Identity>>, ConfigError> {
    let mut read = HashMap::with_capacity(written.len());
    for (name, caller) in written {
        let field = format!("mesh.serviceAccounts.{name}");
        let parts = name.split_once('/');
        let (namespace, account) = parts
            .filter(|(namespace, account)| is_namespace(namespace) && is_account(account))
            .ok_or_else(|| {
                let reason = "is a namespace, `/` and a service account: `team-a/bot`";
                ConfigError::new(field.clone(), reason)
            })?;
        let user = User::new(&name);
        let identity = tenants::identity(tenants, caller, label(&field)?, user, &field)?;
        read.insert(format!("{namespace}/sa/{account}"), Rc::new(identity));
    }
    Ok(read)
}

fn read_namespaces(
    written: BTreeMap<String, written::Caller>,
    tenants: &Tenants,
) -> Result<HashMap<String, Identity>, ConfigError> {
    let mut read = HashMap::with_capacity(written.len());
    for (name, caller) in written {
        let field = format!("mesh.namespaces.{name}");
        if !is_namespace(&name) {
            return Err(ConfigError::new(field, "is no name of a namespace"));
        }
        let identity = tenants::identity(tenants, caller, label(&field)?, None, &field)?;
        read.insert(name, identity);
    }
    Ok(read)
}

/// The label of every mesh identity; its user says which workload it is.
fn label(field: &str) -> Result<Name, ConfigError> {
    tenants::read_name(tenants::MESH, field)
}
