//! Messages made by a test.

use std::collections::BTreeMap;

use http_filter::{Answer, AnswerTooLarge, Body, Environment, Headers};

/// Headers in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestHeaders(pub Vec<(String, Vec<u8>)>);

impl TestHeaders {
    /// Headers from names and values.
    #[must_use]
    pub fn new(headers: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        Self(headers.iter().map(owned).collect())
    }

    /// A header's value as text; panics where it isn't text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        Some(String::from_utf8(value).expect("a test's header is text"))
    }
}

impl Headers for TestHeaders {
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        let values: Vec<&[u8]> = self
            .0
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.as_slice())
            .collect();
        (!values.is_empty()).then(|| values.join(&b","[..]))
    }

    fn all(&self) -> Vec<(String, Vec<u8>)> {
        self.0.clone()
    }

    fn set(&mut self, name: &str, value: &[u8]) {
        let first = self.0.iter().position(|(other, _)| other == name);
        self.remove(name);
        let at = first.unwrap_or(self.0.len());
        self.0.insert(at, (name.to_owned(), value.to_vec()));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }
}

/// Body bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestBody(pub Vec<u8>);

impl Body for TestBody {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn read(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestAnswer {
    /// Its headers, `:status` among them.
    pub headers: TestHeaders,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer for TestAnswer {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.headers.get(name)
    }

    fn headers(&self) -> Vec<(String, Vec<u8>)> {
        self.headers.all()
    }

    fn body(&self, most: usize) -> Result<Vec<u8>, AnswerTooLarge> {
        if self.body.len() > most {
            return Err(AnswerTooLarge);
        }
        Ok(self.body.clone())
    }
}

/// Environment variables.
#[derive(Debug, Clone, Default)]
pub struct TestEnvironment(pub BTreeMap<String, String>);

impl TestEnvironment {
    /// Variables from names and values.
    #[must_use]
    pub fn new(variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(variables.iter().map(owned).collect())
    }
}

impl Environment for TestEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}
