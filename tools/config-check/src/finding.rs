//! What is wrong, where, and how it is mended.

use std::fmt;

use crate::overlay::Resource;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// The gateway would refuse, or do something else than what is written.
    Mistake,
    /// It works, and yet somebody may have meant something else.
    Remark,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    file: String,
    resource: String,
    field: String,
    what: String,
    mend: String,
}

impl Finding {
    /// Something that must be mended.
    pub(crate) fn mistake(
        at: &Resource,
        field: impl Into<String>,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let field = field.into();
        Self {
            severity: Severity::Mistake,
            file: at.file(&field).to_owned(),
            resource: at.title(),
            field,
            what: what.into(),
            mend: mend.into(),
        }
    }

    /// Something to look at.
    pub(crate) fn remark(
        at: &Resource,
        field: impl Into<String>,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Remark,
            ..Self::mistake(at, field, what, mend)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Mistake => "mistake",
            Severity::Remark => "remark",
        };
        write!(
            f,
            "{kind}: {}: {}: {}: {}\n  mend: {}",
            self.file, self.resource, self.field, self.what, self.mend
        )
    }
}
