//! What the proxy knows about the client's connection.

/// A property of the client's connection that the proxy has verified or seen itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionProperty {
    /// The URI of the client's verified certificate, such as
    /// `spiffe://cluster.local/ns/team-a/sa/bot`. Absent without mutual TLS; with several URIs in
    /// the certificate it is the first.
    PeerUri,
    /// The client's address and port, `10.1.2.3:41234`: the trusted one of `x-forwarded-for` where
    /// the listener is configured to trust a number of hops.
    SourceAddress,
    /// The listener's port on which the connection came in, in decimal digits.
    DestinationPort,
}
