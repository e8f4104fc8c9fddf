//! What a filter sees beyond the message, kept in memory.

use std::collections::BTreeMap;

use http_filter::{
    Call, CallId, CallRefused, Change, Conflict, ConnectionProperty, Expected, Host, Metric,
    SignatureCheck, Versioned, Worker, WorkerHost,
};

/// A proxy in memory. Its fields are what the filter did, and what it will find.
#[derive(Debug, Default)]
pub struct TestHost {
    /// Facts by key.
    pub facts: BTreeMap<String, Vec<u8>>,
    /// Shared data by key.
    pub shared: BTreeMap<String, Versioned>,
    /// The calls that the filter made, in order.
    pub calls: Vec<RecordedCall>,
    /// Whether calls are refused.
    pub refuses_calls: bool,
    /// Counters by `name{label="value",…}`.
    pub counters: BTreeMap<String, u64>,
    /// Histograms' values by `name{label="value",…}`.
    pub histograms: BTreeMap<String, Vec<u64>>,
    /// What is known about the client's connection.
    pub connection: Vec<(ConnectionProperty, Vec<u8>)>,
    /// What the proxy says of every signature; `None`: it offers no algorithm.
    pub signatures: Option<bool>,
    /// How many signatures it was asked about.
    pub signatures_asked: usize,
    /// How often the worker woke its streams.
    pub wakes: usize,
    /// How often the route was to be chosen anew.
    pub routes_chosen: usize,
    /// How many of the next writes of shared data meet a conflict.
    pub conflicts: usize,
    versions: u32,
    randomness: u64,
}

/// A call that a filter made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCall {
    /// The cluster's name.
    pub cluster: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The time limit.
    pub timeout_milliseconds: u32,
}

impl RecordedCall {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl TestHost {
    /// A proxy that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a fact that an earlier filter published.
    #[must_use]
    pub fn with_fact(mut self, key: &str, value: &str) -> Self {
        self.facts.insert(key.to_owned(), value.as_bytes().to_vec());
        self
    }

    /// With a property of the client's connection.
    #[must_use]
    pub fn with_connection(mut self, property: ConnectionProperty, value: &str) -> Self {
        self.connection.push((property, value.as_bytes().to_vec()));
        self
    }

    /// A fact as text; panics where it isn't text.
    #[must_use]
    pub fn fact_text(&self, key: &str) -> Option<String> {
        let value = self.facts.get(key)?;
        Some(String::from_utf8(value.clone()).expect("a test's fact is text"))
    }

    /// A counter's value, zero where nothing has counted: `name{label="value",…}`.
    #[must_use]
    pub fn counter(&self, series: &str) -> u64 {
        self.counters.get(series).copied().unwrap_or_default()
    }
}

fn series(metric: &Metric<'_>) -> String {
    let labels: Vec<String> = metric
        .labels
        .iter()
        .map(|(label, value)| format!("{label}={value:?}"))
        .collect();
    format!("{}{{{}}}", metric.name, labels.join(","))
}

impl Worker for TestHost {
    fn shared(&self, key: &str) -> Option<Versioned> {
        self.shared.get(key).cloned()
    }

    fn set_shared(&mut self, key: &str, value: &[u8], expected: Expected) -> Result<(), Conflict> {
        let present = self.shared.get(key).map(|shared| shared.version);
        let as_expected = match expected {
            Expected::Anything => true,
            Expected::Absent => present.is_none(),
            Expected::Version(version) => present == Some(version),
        };
        if !as_expected || self.conflicts > 0 {
            self.conflicts = self.conflicts.saturating_sub(1);
            return Err(Conflict);
        }
        self.versions += 1;
        let written = Versioned {
            value: value.to_vec(),
            version: self.versions,
        };
        self.shared.insert(key.to_owned(), written);
        Ok(())
    }

    fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused> {
        if self.refuses_calls {
            return Err(CallRefused);
        }
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.calls.push(RecordedCall {
            cluster: call.cluster.to_owned(),
            headers: call.headers.iter().map(owned).collect(),
            body: call.body.to_vec(),
            timeout_milliseconds: call.timeout_milliseconds,
        });
        let number = u32::try_from(self.calls.len()).expect("a test makes few calls");
        Ok(CallId(number))
    }

    fn record(&mut self, metric: Metric<'_>) {
        let series = series(&metric);
        match metric.change {
            Change::Add(by) => *self.counters.entry(series).or_default() += by,
            Change::Observe(value) => self.histograms.entry(series).or_default().push(value),
        }
    }

    /// Different at each call, the same in each run: the generator of Knuth's MMIX.
    fn random(&mut self) -> u64 {
        self.randomness = self
            .randomness
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.randomness
    }

    fn verify_signature(&mut self, _: &SignatureCheck<'_>) -> Option<bool> {
        self.signatures_asked += 1;
        self.signatures
    }
}

impl Host for TestHost {
    fn fact(&self, key: &str) -> Option<Vec<u8>> {
        self.facts.get(key).cloned()
    }

    fn publish(&mut self, key: &str, value: &[u8]) {
        self.facts.insert(key.to_owned(), value.to_vec());
    }

    fn connection(&self, property: ConnectionProperty) -> Option<Vec<u8>> {
        let mut known = self.connection.iter();
        let found = known.find(|(other, _)| *other == property);
        found.map(|(_, value)| value.clone())
    }

    fn choose_route_anew(&mut self) {
        self.routes_chosen += 1;
    }
}

impl WorkerHost for TestHost {
    fn wake(&mut self) {
        self.wakes += 1;
    }
}
