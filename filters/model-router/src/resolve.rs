//! From the name that a client gives to a model that the caller may use.

use std::rc::Rc;

use facts::AllowedModels;

use crate::catalog::{Catalog, Model, Target};
use crate::refused::Refused;

/// A model of the catalog that the caller may use. Only [`Authorized::model`] makes one.
#[derive(Debug)]
pub(crate) struct Authorized {
    model: Rc<Model>,
    fallback: bool,
}

impl Authorized {
    /// Finds the model that a client names and holds the caller to its allowlist.
    ///
    /// # Errors
    /// [`Refused::UnknownModel`] for one that isn't served, [`Refused::ForbiddenModel`] for one
    /// that the caller may not use.
    pub(crate) fn model(
        catalog: &Catalog,
        allowed: &AllowedModels,
        name: &str,
    ) -> Result<Self, Refused> {
        let model = catalog.get(name).ok_or(Refused::UnknownModel)?;
        if !allowed.allow(name) {
            return Err(Refused::ForbiddenModel);
        }
        let usable = |target: &Target| may_use(catalog, allowed, target);
        Ok(Self {
            fallback: model.fallback.as_ref().is_some_and(usable),
            model: Rc::clone(model),
        })
    }

    pub(crate) fn name(&self) -> &str {
        self.model.name.as_str()
    }

    /// Who is asked first.
    pub(crate) fn first(&self) -> &Target {
        &self.model.first
    }

    /// Who is asked next, where the caller may use that too.
    pub(crate) fn fallback(&self) -> Option<&Target> {
        self.model.fallback.as_ref().filter(|_| self.fallback)
    }
}

/// Whether the caller may use what stands behind a target: by the name that the model has there,
/// or by any name that the gateway serves it under.
fn may_use(catalog: &Catalog, allowed: &AllowedModels, target: &Target) -> bool {
    let same = |model: &&Rc<Model>| model.first == *target;
    allowed.allow(target.model.as_str())
        || catalog
            .all()
            .filter(same)
            .any(|model| allowed.allow(model.name.as_str()))
}
