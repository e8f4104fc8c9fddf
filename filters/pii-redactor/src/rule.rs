//! The kinds of personal data that the filter knows.

/// One kind of personal data, with the detector that finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// E-mail addresses.
    Email,
}

impl Rule {
    /// Every rule.
    pub(crate) const ALL: [Self; 1] = [Self::Email];

    /// The name in the configuration, in metrics and in logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
        }
    }

    /// The rule of that [`name`](Self::name).
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// How a placeholder of this rule begins. A model reads it, so it says what it stands for.
    /// No opening is the beginning of another one.
    pub(crate) fn opening(self) -> &'static str {
        match self {
            Self::Email => "[EMAIL_",
        }
    }
}
