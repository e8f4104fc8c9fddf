//! Which credentials count on a host.

/// Where a credential that counts may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// An API key of ours in one of four headers.
    ApiKey,
    /// An API key of ours in the query, `?key=`.
    QueryKey,
    /// A token of a configured issuer in one of the same headers.
    Jwt,
    /// The certificate with which the client's workload joined the mesh.
    Mesh,
}

impl Source {
    pub(crate) const ALL: [Self; 4] = [Self::ApiKey, Self::QueryKey, Self::Jwt, Self::Mesh];

    /// The source of that name in the configuration.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name() == name)
    }

    /// Its name in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "apiKey",
            Self::QueryKey => "queryKey",
            Self::Jwt => "jwt",
            Self::Mesh => "mesh",
        }
    }
}
