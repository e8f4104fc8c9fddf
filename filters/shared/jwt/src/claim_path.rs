//! Where a claim stands.

/// Most members on the way to a claim.
const MAX_MEMBERS: usize = crate::MAX_DEPTH;

/// The names of the members on the way to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimPathError {
    /// A name on the way is empty.
    EmptyName,
    /// Deeper than claims can be nested.
    TooDeep,
    /// A `~` in a JSON Pointer that stands neither before 0 nor before 1.
    BadEscape,
}

impl ClaimPathError {
    /// The reason, for whoever wrote the path.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::EmptyName => "a name in the path is empty",
            Self::TooDeep => "the path is deeper than claims can be nested",
            Self::BadEscape => "in a JSON Pointer ~ must be written ~0, and / in a name ~1",
        }
    }
}

impl ClaimPath {
    /// Reads `resource_access.ai.roles`, where dots part the names, or, for names with a dot of
    /// their own, a JSON Pointer (RFC 6901): `/kubernetes.io/namespace`, and with `~1` for a slash
    /// `/https:~1~1example.com~1roles`.
    ///
    /// ```
    /// use jwt::ClaimPath;
    ///
    /// let path = ClaimPath::parse("/kubernetes.io/namespace").unwrap();
    /// assert_eq!(path, ClaimPath::of(["kubernetes.io", "namespace"]).unwrap());
    /// ```
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(path: &str) -> Result<Self, ClaimPathError> {
        match path.strip_prefix('/') {
            Some(pointer) => {
                let names: Result<Vec<_>, _> = pointer.split('/').map(unescape).collect();
                Self::of(names?)
            }
            None => Self::of(path.split('.')),
        }
    }

    /// The path through members of these names.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self, ClaimPathError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.is_empty() || names.iter().any(String::is_empty) {
            return Err(ClaimPathError::EmptyName);
        }
        if names.len() > MAX_MEMBERS {
            return Err(ClaimPathError::TooDeep);
        }
        Ok(Self(names))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn unescape(name: &str) -> Result<String, ClaimPathError> {
    let mut pieces = name.split('~');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (escaped, rest) = match (piece.strip_prefix('0'), piece.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            _ => return Err(ClaimPathError::BadEscape),
        };
        text.push(escaped);
        text.push_str(rest);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn names(path: &str) -> Vec<String> {
        ClaimPath::parse(path).unwrap().0
    }

    #[test]
    fn dots_part_names_and_a_pointer_lets_names_have_dots_and_slashes() {
        assert_eq!(names("tenant"), ["tenant"]);
        assert_eq!(
            names("resource_access.ai.roles"),
            ["resource_access", "ai", "roles"]
        );
        assert_eq!(
            names("/kubernetes.io/namespace"),
            ["kubernetes.io", "namespace"]
        );
        assert_eq!(
            names("/https:~1~1example.com~1roles"),
            ["https://example.com/roles"]
        );
        assert_eq!(names("/a~0b~01"), ["a~b~1"]);
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b", "/", "/a//b", "//"] {
            assert_eq!(
                ClaimPath::parse(path),
                Err(ClaimPathError::EmptyName),
                "{path}"
            );
        }
        for path in ["/~", "/a~2", "/~~0"] {
            assert_eq!(
                ClaimPath::parse(path),
                Err(ClaimPathError::BadEscape),
                "{path}"
            );
        }
        assert_eq!(
            ClaimPath::parse(&["a"; 17].join(".")),
            Err(ClaimPathError::TooDeep)
        );
    }
}
