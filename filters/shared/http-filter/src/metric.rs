//! Metrics with labels.

/// One change of one time series.
///
/// The filter bounds the number of distinct label values: names from its configuration, never
/// text from a peer. The host bounds the number of series once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric<'a> {
    /// The metric's name as Prometheus shows it.
    pub name: &'static str,
    /// Label names and values, always in the same order for one name.
    pub labels: &'a [(&'static str, &'a str)],
    /// What happens to it.
    pub change: Change,
}

/// What happens to a time series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A counter grows by this much.
    Add(u64),
    /// A histogram gets one more value, in the unit that the metric's name ends with.
    Observe(u64),
}
