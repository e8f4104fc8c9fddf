//! Signatures that the proxy's own cryptography verifies.

/// One signature over one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureCheck<'a> {
    /// The hash under the signature.
    pub hash: SignatureHash,
    /// The public key in DER, as X.509's `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7): RSA
    /// for PKCS #1 v1.5 signatures, EC for ECDSA.
    pub key: &'a [u8],
    /// The signature; ECDSA's as the DER sequence of its two numbers (RFC 3279, section 2.2.3).
    pub signature: &'a [u8],
    /// The text that was signed.
    pub text: &'a [u8],
}

/// The hash under a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}
